// SPDX-License-Identifier: Apache-2.0
#include "app/progress_bar.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app {
namespace {

using std::chrono::seconds;

TEST(ProgressBar, SaysHowFarAndHowLongStill)
{
    EXPECT_EQ(draw_progress("Importing", 50, 100, seconds{12}, 60),
              "Importing  [###############---------------]  50 %, 13 s left");
    EXPECT_EQ(draw_progress("Importing", 0, 100, seconds{0}, 30), "Importing  [-----------]   0 %");
    EXPECT_EQ(draw_progress("Importing", 100, 100, seconds{9}, 30), "Importing  [###########] 100 %");
    EXPECT_EQ(draw_progress("Importing", 1, 1000, seconds{9}, 80).substr(52), "]   0 %, 149 min left");
}

TEST(ProgressBar, SaysTheRateOfATransfer)
{
    EXPECT_EQ(draw_progress("a.mp4", 50UL << 20U, 100UL << 20U, seconds{10}, 60, Unit::bytes),
              "a.mp4  [###########------------]  50 %, 5.0 MiB/s, 11 s left");
}

TEST(ProgressBar, FormatsBytes)
{
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(1023), "1023 B");
    EXPECT_EQ(format_bytes(1536), "1.5 KiB");
    EXPECT_EQ(format_bytes(5ULL << 40U), "5.0 TiB");
    EXPECT_EQ(format_bytes(~0ULL), "16777216.0 TiB");
}

TEST(ProgressBar, FitsIntoItsLine)
{
    for (std::size_t width = 1; width < 60; ++width)
        EXPECT_LE(draw_progress("Importing", 3, 7, seconds{5}, width).size(), width);
    EXPECT_EQ(draw_progress("Importing", 0, 0, seconds{0}, 30), "Importing  [###########] 100 %");
}

}  // namespace
}  // namespace gatehouse::app
