// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace gatehouse {

TEST(Clock, TellsTheSystemsTimeUntilItIsMoved)
{
    Clock clock;
    auto before = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    auto now = clock.now();
    EXPECT_GE(now, before);
    EXPECT_LT(now, before + std::chrono::seconds{10});
    clock.advance(std::chrono::hours{1});
    EXPECT_GE(clock.now(), now + std::chrono::hours{1});
    clock.advance(-std::chrono::hours{2});
    EXPECT_LT(clock.now(), now);
}

TEST(Clock, Rfc3339HasMillisecondsAndUtc)
{
    EXPECT_EQ(format_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(from_unix_ms(1'709'210'096'007)), "2024-02-29T12:34:56.007Z");
    EXPECT_EQ(format_rfc3339(from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Clock, HttpDateIsImfFixdate)
{
    EXPECT_EQ(format_http_date(from_unix_ms(784'111'777'999)), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(format_http_date(from_unix_ms(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(Clock, UnixTimesRoundDown)
{
    EXPECT_EQ(to_unix_ms(from_unix_ms(1999)), 1999);
    EXPECT_EQ(to_unix_seconds(from_unix_ms(1999)), 1);
    EXPECT_EQ(to_unix_seconds(from_unix_ms(-1)), -1);
}

}  // namespace gatehouse
