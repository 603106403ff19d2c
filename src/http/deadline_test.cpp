// SPDX-License-Identifier: Apache-2.0
#include "http/deadline.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace gatehouse::http {
namespace {

using namespace std::chrono_literals;

struct Owner {
    explicit Owner(Deadlines& deadlines) : deadline(deadlines, &Owner::expired, this) {}
    static void expired(void* self)
    {
        static_cast<Owner*>(self)->expired_at.push_back(std::chrono::steady_clock::now());
    }

    Deadline deadline;
    std::vector<SteadyTime> expired_at;
};

TEST(Deadline, ExpiresOnceAndNotBeforeItsTime)
{
    asio::io_context context;
    Deadlines deadlines(context.get_executor());
    Owner owner(deadlines);
    auto when = std::chrono::steady_clock::now() + 150ms;
    owner.deadline.set(when);
    context.run();
    ASSERT_EQ(owner.expired_at.size(), 1U);
    EXPECT_GE(owner.expired_at[0], when);
    EXPECT_LT(owner.expired_at[0], when + 2s);
}

TEST(Deadline, CanBePutOffBroughtForwardAndCleared)
{
    asio::io_context context;
    Deadlines deadlines(context.get_executor());
    auto now = std::chrono::steady_clock::now();
    Owner later(deadlines);
    later.deadline.set(now);
    later.deadline.set(now + 400ms);
    Owner sooner(deadlines);
    sooner.deadline.set(now + 1h);
    sooner.deadline.set(now + 100ms);
    Owner never(deadlines);
    never.deadline.set(now);
    never.deadline.clear();
    context.run();
    ASSERT_EQ(later.expired_at.size(), 1U);
    EXPECT_GE(later.expired_at[0], now + 400ms);
    ASSERT_EQ(sooner.expired_at.size(), 1U);
    EXPECT_LT(sooner.expired_at[0], later.expired_at[0]);
    EXPECT_TRUE(never.expired_at.empty());
}

TEST(Deadline, CanBeSetAgainAfterItExpired)
{
    asio::io_context context;
    Deadlines deadlines(context.get_executor());
    Owner owner(deadlines);
    for (int i = 0; i < 2; ++i) {
        owner.deadline.set(std::chrono::steady_clock::now());
        context.restart();
        context.run();
    }
    EXPECT_EQ(owner.expired_at.size(), 2U);
}

TEST(Deadline, ReachesBeyondTheWheel)
{
    asio::io_context context;
    Deadlines deadlines(context.get_executor());
    Owner owner(deadlines);
    owner.deadline.set(std::chrono::steady_clock::now() + 1h);
    context.run_for(300ms);
    EXPECT_TRUE(owner.expired_at.empty());
    EXPECT_FALSE(context.stopped());
}

TEST(Deadline, LeavesNothingToWaitForWhenItIsGone)
{
    asio::io_context context;
    Deadlines deadlines(context.get_executor());
    {
        Owner owner(deadlines);
        owner.deadline.set(std::chrono::steady_clock::now() + 1h);
    }
    auto start = std::chrono::steady_clock::now();
    context.run();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
    EXPECT_TRUE(deadlines.resting());
}

struct SelfDestroying {
    explicit SelfDestroying(Deadlines& deadlines, std::vector<std::unique_ptr<SelfDestroying>>& all)
        : list(all), deadline(deadlines, &SelfDestroying::expired, this)
    {
    }
    static void expired(void* self)
    {
        auto& list = static_cast<SelfDestroying*>(self)->list;
        // The one that expired, and another one that would expire in the same turn.
        std::erase_if(list, [&](const auto& item) { return item.get() == self; });
        if (!list.empty())
            list.pop_back();
    }

    std::vector<std::unique_ptr<SelfDestroying>>& list;
    Deadline deadline;
};

TEST(Deadline, MayDestroyItselfAndOthersWhenItExpires)
{
    asio::io_context context;
    Deadlines deadlines(context.get_executor());
    std::vector<std::unique_ptr<SelfDestroying>> list;
    for (int i = 0; i < 101; ++i) {
        list.push_back(std::make_unique<SelfDestroying>(deadlines, list));
        list.back()->deadline.set(std::chrono::steady_clock::now());
    }
    context.run();
    EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace gatehouse::http
