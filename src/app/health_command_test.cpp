// SPDX-License-Identifier: Apache-2.0
#include "app/health_command.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app {

namespace {

TEST(AddressToAsk, IsOfThisMachine)
{
    EXPECT_EQ(address_to_ask("127.0.0.1:9090"), "127.0.0.1:9090");
    EXPECT_EQ(address_to_ask("0.0.0.0:9090"), "127.0.0.1:9090");
    EXPECT_EQ(address_to_ask(":9090"), "127.0.0.1:9090");
    EXPECT_EQ(address_to_ask("localhost:9090"), "127.0.0.1:9090");
    EXPECT_EQ(address_to_ask("[::]:9090"), "[::1]:9090");
    EXPECT_EQ(address_to_ask("[0:0:0:0:0:0:0:0]:9090"), "[::1]:9090");
    EXPECT_EQ(address_to_ask("[fd00::7]:9090"), "[fd00::7]:9090");
    EXPECT_EQ(address_to_ask("192.0.2.7:9090"), "192.0.2.7:9090");
}

TEST(AddressToAsk, IsUnknownOfAnyFreePort)
{
    for (const char* listen : {"127.0.0.1:0", "", "nowhere", "example.org:80", "127.0.0.1:70000"})
        EXPECT_FALSE(address_to_ask(listen)) << listen;
}

}  // namespace

}  // namespace gatehouse::app
