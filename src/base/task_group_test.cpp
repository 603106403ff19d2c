// SPDX-License-Identifier: Apache-2.0
#include "base/task_group.hpp"
#include "base/timeout.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

namespace gatehouse {

namespace {

using namespace std::chrono_literals;
using testing::run_task;

class TaskGroupTest : public ::testing::Test {
protected:
    Task<void> count_after(std::chrono::milliseconds delay)
    {
        co_await sleep_for(delay);
        ++ended;
    }
    Task<void> fail()
    {
        co_await sleep_for(1ms);
        throw std::runtime_error("broken");
    }
    // Takes a while to clean up after it is cancelled.
    Task<void> end_slowly()
    {
        try {
            co_await sleep_for(1h);
        } catch (const boost::system::system_error&) {
            ++cancelled;
        }
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await sleep_for(150ms);
        ++ended;
    }
    Task<void> spawn_in_turn(int left)
    {
        co_await sleep_for(1ms);
        if (left > 0)
            group.spawn(spawn_in_turn(left - 1));
        ++ended;
    }

    asio::io_context context;
    TaskGroup group{context.get_executor(), "test", 3};
    int ended = 0;
    int cancelled = 0;
};

}  // namespace

TEST_F(TaskGroupTest, MoreThanItsBoundAreRefused)
{
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(group.spawn(count_after(5ms)));
    EXPECT_FALSE(group.spawn(count_after(5ms)));
    EXPECT_EQ(group.size(), 3U);
    context.run();
    EXPECT_EQ(ended, 3);
    EXPECT_EQ(group.size(), 0U);
    context.restart();
    EXPECT_TRUE(group.spawn(count_after(1ms)));
    context.run();
    EXPECT_EQ(ended, 4);
}

TEST_F(TaskGroupTest, StopWaitsForWhatRunsAndRefusesMore)
{
    group.spawn(count_after(50ms));
    group.spawn(count_after(20ms));
    run_task(context, group.stop(10s));
    EXPECT_EQ(ended, 2);
    EXPECT_TRUE(group.stopping());
    EXPECT_FALSE(group.spawn(count_after(1ms)));
}

TEST_F(TaskGroupTest, StopOfAnIdleGroupReturnsAtOnce)
{
    auto begun = std::chrono::steady_clock::now();
    run_task(context, group.stop(1h));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
}

TEST_F(TaskGroupTest, AfterTheGraceTheRestIsCancelled)
{
    group.spawn(count_after(1h));
    group.spawn(count_after(1ms));
    run_task(context, group.stop(30ms));
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(group.size(), 0U);
}

TEST_F(TaskGroupTest, StopWaitsForACancelledTaskThatCleansUp)
{
    group.spawn(end_slowly());
    run_task(context, group.stop(0ms));
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(ended, 1);
}

TEST_F(TaskGroupTest, ATaskThatFailsEndsNothingElse)
{
    group.spawn(fail());
    group.spawn(count_after(20ms));
    ::testing::internal::CaptureStderr();
    run_task(context, group.stop(10s));
    auto logged = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(ended, 1);
    EXPECT_NE(logged.find("broken"), std::string::npos) << logged;
}

TEST_F(TaskGroupTest, ACancelledTaskIsNoFailure)
{
    group.spawn(count_after(1h));
    ::testing::internal::CaptureStderr();
    run_task(context, group.stop(0ms));
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(TaskGroupTest, ATaskMaySpawnAnother)
{
    group.spawn(spawn_in_turn(5));
    context.run();
    EXPECT_EQ(ended, 6);
}

}  // namespace gatehouse
