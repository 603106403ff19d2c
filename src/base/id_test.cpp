// SPDX-License-Identifier: Apache-2.0
#include "base/id.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace gatehouse {

TEST(Id, IsAVersion7Uuid)
{
    auto id = make_id();
    EXPECT_TRUE(is_id(id)) << id;
    EXPECT_EQ(id[14], '7');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
}

TEST(Id, BeginsWithTheTime)
{
    auto before = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    auto id = make_id();
    auto ms = std::stoll(id.substr(0, 8) + id.substr(9, 4), nullptr, 16);
    EXPECT_GE(ms, to_unix_ms(before));
    EXPECT_LE(ms, to_unix_ms(before) + 10'000);
}

TEST(Id, EachIsGreaterThanTheOneBefore)
{
    auto last = make_id();
    for (int i = 0; i < 20'000; ++i) {
        auto next = make_id();
        ASSERT_LT(last, next);
        last = next;
    }
}

TEST(Id, ThreadsNeverGetTheSame)
{
    std::mutex mutex;
    std::set<std::string> all;
    auto make_some = [&] {
        std::vector<std::string> some;
        for (int i = 0; i < 2'000; ++i)
            some.push_back(make_id());
        std::scoped_lock lock(mutex);
        all.insert(some.begin(), some.end());
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back(make_some);
    }
    EXPECT_EQ(all.size(), 8'000U);
}

TEST(DerivedId, SameArgumentsSameId)
{
    auto id = make_derived_id("worker", "audio");
    EXPECT_EQ(id, make_derived_id("worker", "audio"));
    EXPECT_TRUE(is_id(id)) << id;
    EXPECT_EQ(id[14], '8');
}

TEST(DerivedId, TheBoundaryBetweenScopeAndNameCounts)
{
    EXPECT_NE(make_derived_id("a", "bc"), make_derived_id("ab", "c"));
    EXPECT_NE(make_derived_id("a", ""), make_derived_id("", "a"));
}

TEST(Id, WhatComesFromOutsideIsCheckedStrictly)
{
    EXPECT_TRUE(is_id("01a20bd2-79c6-7b90-b4b5-5b87f4630324"));
    for (const char* text : {"", "01A20BD2-79C6-7B90-B4B5-5B87F4630324", "01a20bd279c67b90b4b55b87f4630324",
                             "01a20bd2-79c6-7b90-b4b5-5b87f463032", "01a20bd2-79c6-7b90-b4b5-5b87f46303244",
                             "01a20bd2-79c6-7b90-b4b5-5b87f463032g", "01a20bd2-79c6-7b90-b4b5+5b87f4630324",
                             "{01a20bd2-79c6-7b90-b4b5-5b87f463032", "../../../../../../../../../../../etc",
                             "-----------------------------------"})
        EXPECT_FALSE(is_id(text)) << text;
}

}  // namespace gatehouse
