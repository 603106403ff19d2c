// SPDX-License-Identifier: Apache-2.0
#include "http/address_ranges.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {
namespace {

TEST(AddressRanges, HoldsWhatIsWithin)
{
    AddressRanges ranges({"10.0.0.0/8", "192.0.2.7", "198.51.100.128/25", "fd00::/8", "2001:db8::1"});
    for (const char* inside :
         {"10.0.0.0", "10.255.255.255", "192.0.2.7", "198.51.100.200", "fd12::3", "2001:db8::1", "::ffff:10.1.2.3"})
        EXPECT_TRUE(ranges.contains(inside)) << inside;
    for (const char* outside : {"11.0.0.0", "9.255.255.255", "192.0.2.8", "198.51.100.127", "fe00::1", "2001:db8::2",
                                "", "nonsense", "10.0.0.1:80", "[fd12::3]", "010.0.0.1", "fd12::3%eth0"})
        EXPECT_FALSE(ranges.contains(outside)) << outside;
}

TEST(AddressRanges, EverythingIsARangeToo)
{
    EXPECT_TRUE(AddressRanges({"0.0.0.0/0"}).contains("203.0.113.9"));
    EXPECT_FALSE(AddressRanges({"0.0.0.0/0"}).contains("2001:db8::1"));
    EXPECT_TRUE(AddressRanges({"::/0"}).contains("2001:db8::1"));
    EXPECT_FALSE(AddressRanges().contains("203.0.113.9"));
}

TEST(AddressRanges, WhatIsNoRangeIsSeen)
{
    for (const char* fine : {"10.0.0.0/8", "10.1.2.3", "10.1.2.3/32", "::1", "::1/128", "fd00::/8", "0.0.0.0/0"})
        EXPECT_TRUE(AddressRanges::is_range(fine)) << fine;
    for (const char* wrong : {"", "10.0.0.0/33", "10.0.0.1/8", "fd00::1/8", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1",
                              "10.0.0/8", "localhost", "::/129", "10.0.0.0/8 ", "[::1]"})
        EXPECT_FALSE(AddressRanges::is_range(wrong)) << wrong;
}

TEST(AddressRanges, AnAddressHasOneTextForm)
{
    EXPECT_EQ(to_text(*parse_address("::ffff:192.0.2.7")), "192.0.2.7");
    EXPECT_EQ(to_text(*parse_address("2001:DB8:0:0::1")), "2001:db8::1");
}

}  // namespace
}  // namespace gatehouse::http
