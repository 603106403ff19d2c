// SPDX-License-Identifier: Apache-2.0
#include "events/amqp_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::events {

TEST(AmqpUrl, AHostAloneTakesTheDefaults)
{
    auto url = parse_amqp_url("amqp://mq");
    ASSERT_TRUE(url);
    EXPECT_FALSE(url->tls);
    EXPECT_EQ(url->user, "guest");
    EXPECT_EQ(url->password.reveal(), "guest");
    EXPECT_EQ(url->host, "mq");
    EXPECT_EQ(url->port, 5672);
    EXPECT_EQ(url->vhost, "/");
    EXPECT_EQ(url->heartbeat, std::chrono::seconds{10});
    EXPECT_EQ(url->authority(), "mq:5672");
}

TEST(AmqpUrl, EveryPartIsRead)
{
    auto url = parse_amqp_url("amqps://ga%40te:p%3Aw%2Fd%40@mq.example.com:5999/my%2Fhost?ca=/etc/ca.pem&heartbeat=2");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->tls);
    EXPECT_EQ(url->user, "ga@te");
    EXPECT_EQ(url->password.reveal(), "p:w/d@");
    EXPECT_EQ(url->authority(), "mq.example.com:5999");
    EXPECT_EQ(url->vhost, "my/host");
    EXPECT_EQ(url->ca, "/etc/ca.pem");
    EXPECT_EQ(url->heartbeat, std::chrono::seconds{2});
}

TEST(AmqpUrl, TlsHasAPortOfItsOwnAndIpv6ItsBrackets)
{
    auto url = parse_amqp_url("amqps://[::1]/");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "::1");
    EXPECT_EQ(url->authority(), "[::1]:5671");
    EXPECT_EQ(url->vhost, "/");
    EXPECT_EQ(parse_amqp_url("amqp://[::1]:99")->port, 99);
}

TEST(AmqpUrl, WhatIsNotOneIsRefusedWithoutItsPassword)
{
    for (std::string_view text :
         {"", "mq", "http://u:hunter2@mq", "amqp://", "amqp://u:hunter2@", "amqp://u:hunter2@mq:0",
          "amqp://u:hunter2@mq:65536", "amqp://u:hunter2@mq:x", "amqp://u:hunter2%@mq", "amqp://:hunter2@mq",
          "amqp://u:hunter2@mq/a/b", "amqp://u:hunter2@mq?heartbeat=0", "amqp://u:hunter2@mq?heartbeat=301",
          "amqp://u:hunter2@mq?heartbeat=", "amqp://u:hunter2@mq?ca=/x", "amqps://u:hunter2@mq?hunter2=1",
          "amqp://u:hunter2@[::1", "amqp://u:hunter2@[::1]x", "amqp://u:hunter2/x@mq"}) {
        auto url = parse_amqp_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_THAT(url.error(), ::testing::Not(::testing::HasSubstr("hunter2"))) << text;
    }
}

}  // namespace gatehouse::events
