// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "files/side_job.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>

namespace gatehouse::files {

namespace {

using gatehouse::testing::run_task;

// Whether the caller went on while the job ran, and where it was when the job had ended.
Task<std::string> go_on_beside(BlockingPool& pool)
{
    SideJob side(pool);
    std::latch gone_on(1);
    std::atomic<bool> ended = false;
    auto own = std::this_thread::get_id();
    side.start([&] {
        gone_on.wait();
        ended = true;
    });
    std::string seen = ended ? "ended" : "runs";
    gone_on.count_down();
    co_await side.join();
    seen += ended ? ", ended" : ", runs";
    seen += own == std::this_thread::get_id() ? ", here" : ", elsewhere";
    co_return seen;
}

Task<int> count_in_turn(BlockingPool& pool, int times)
{
    SideJob side(pool);
    int count = 0;
    for (int i = 0; i < times; ++i) {
        co_await side.join();
        side.start([&count] { ++count; });
    }
    co_await side.join();
    co_return count;
}

Task<void> join_twice(BlockingPool& pool, int& thrown)
{
    SideJob side(pool);
    side.start([] { throw std::runtime_error("disk"); });
    for (int i = 0; i < 2; ++i) {
        try {
            co_await side.join();
        } catch (const std::runtime_error&) {
            ++thrown;
        }
    }
}

Task<void> leave(BlockingPool& pool, std::shared_ptr<int> used)
{
    SideJob side(pool);
    side.start([used] {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        ++*used;
    });
    co_return;
}

}  // namespace

TEST(SideJob, RunsBesideItsOwner)
{
    BlockingPool pool({.name = "test"});
    EXPECT_EQ(run_task(go_on_beside(pool)), "runs, ended, here");
}

TEST(SideJob, RunsOneAfterAnother)
{
    BlockingPool pool({.name = "test", .threads = 4});
    EXPECT_EQ(run_task(count_in_turn(pool, 2000)), 2000);
}

TEST(SideJob, WhatItThrowsComesOutOnce)
{
    BlockingPool pool({.name = "test"});
    int thrown = 0;
    run_task(join_twice(pool, thrown));
    EXPECT_EQ(thrown, 1);
}

TEST(SideJob, EndsWithoutItsOwner)
{
    auto used = std::make_shared<int>(0);
    BlockingPool pool({.name = "test"});
    run_task(leave(pool, used));
    pool.stop();
    EXPECT_EQ(*used, 1);
    EXPECT_EQ(used.use_count(), 1);
}

TEST(SideJob, IsRefusedByAPoolThatIsStopped)
{
    BlockingPool pool({.name = "test"});
    pool.stop();
    SideJob side(pool);
    EXPECT_THROW(side.start([] {}), Unavailable);
}

}  // namespace gatehouse::files
