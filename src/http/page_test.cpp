// SPDX-License-Identifier: Apache-2.0
#include "http/page.hpp"

#include "http/problem.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {
namespace {

const PageRules rules{.limit = 20,
                      .limit_max = 100,
                      .is_cursor = [](std::string_view text) { return text == "seven" || text == "eight"; },
                      .alias = "after"};

TEST(Page, IsTheFirstOneWithoutParameters)
{
    Page page = read_page("", rules);
    EXPECT_EQ(page.cursor, "");
    EXPECT_EQ(page.limit, 20u);
}

TEST(Page, IsWhatTheQueryAsksFor)
{
    Page page = read_page("limit=100&cursor=seven", rules);
    EXPECT_EQ(page.cursor, "seven");
    EXPECT_EQ(page.limit, 100u);
}

TEST(Page, TakesTheOlderNameOfTheCursorWhereThereIsOne)
{
    EXPECT_EQ(read_page("after=seven", rules).cursor, "seven");
    EXPECT_EQ(read_page("after=seven&cursor=eight", rules).cursor, "eight");
    PageRules without = rules;
    without.alias = {};
    EXPECT_EQ(read_page("after=seven", without).cursor, "");
}

TEST(Page, RefusesLimitsAndCursorsThatCannotBe)
{
    for (std::string_view query : {"limit=0", "limit=101", "limit=", "limit=-1", "limit=5x",
                                   "limit=99999999999999999999", "cursor=", "cursor=six", "after=six"}) {
        try {
            read_page(query, rules);
            ADD_FAILURE() << query;
        } catch (const Problem& problem) {
            EXPECT_EQ(problem.code(), "invalid_fields") << query;
        }
    }
}

}  // namespace
}  // namespace gatehouse::http
