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

TEST(ProgressBar, FitsIntoItsLine)
{
    for (std::size_t width = 1; width < 60; ++width)
        EXPECT_LE(draw_progress("Importing", 3, 7, seconds{5}, width).size(), width);
    EXPECT_EQ(draw_progress("Importing", 0, 0, seconds{0}, 30), "Importing  [###########] 100 %");
}

}  // namespace
}  // namespace gatehouse::app
