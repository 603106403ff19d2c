// SPDX-License-Identifier: Apache-2.0
#include "base/blocking_pool.hpp"
#include "base/error.hpp"
#include "support/run_task.hpp"

#include <boost/asio/co_spawn.hpp>

#include <gtest/gtest.h>

#include <future>

namespace gatehouse {

namespace {

using testing::run_task;

// Holds pool threads until opened.
class Gate {
public:
    void open() { promise_.set_value(); }
    void wait() const { future_.wait(); }

private:
    std::promise<void> promise_;
    std::shared_future<void> future_ = promise_.get_future().share();
};

void wait_until_queued(const BlockingPool& pool, std::size_t count)
{
    while (pool.queued() != count)
        std::this_thread::yield();
}

Task<void> keep_thread(BlockingPool& pool, const Gate& gate)
{
    auto wait = [&gate] { gate.wait(); };
    co_await pool.run(wait);
}

Task<bool> resumes_on_own_thread(BlockingPool& pool)
{
    auto own = std::this_thread::get_id();
    auto where = [] { return std::this_thread::get_id(); };
    auto worker = co_await pool.run(where);
    co_return own == std::this_thread::get_id() && worker != own;
}

}  // namespace

TEST(BlockingPool, GivesTheResultOnTheCallersThread)
{
    BlockingPool pool({.name = "test"});
    EXPECT_TRUE(run_task(resumes_on_own_thread(pool)));
    auto move_only = [] { return std::make_unique<int>(7); };
    EXPECT_EQ(*run_task(pool.run(move_only)), 7);
}

TEST(BlockingPool, AnExceptionComesOutAtTheCaller)
{
    BlockingPool pool({.name = "test"});
    auto fail = []() -> int { throw std::domain_error("no"); };
    EXPECT_THROW(run_task(pool.run(fail)), std::domain_error);
}

TEST(BlockingPool, AFullQueueIsUnavailable)
{
    asio::io_context context;
    BlockingPool pool({.name = "test", .threads = 1, .queue_max = 1});
    Gate gate;
    std::promise<void> begun;
    auto first = [&] {
        begun.set_value();
        gate.wait();
    };
    int done = 0;
    asio::co_spawn(context, pool.run(first), [&](std::exception_ptr) { ++done; });
    context.poll();
    begun.get_future().wait();
    asio::co_spawn(context, keep_thread(pool, gate), [&](std::exception_ptr) { ++done; });
    context.poll();
    wait_until_queued(pool, 1);

    auto nothing = [] {};
    EXPECT_THROW(run_task(pool.run(nothing)), Unavailable);
    gate.open();
    context.run();
    EXPECT_EQ(done, 2);
    run_task(pool.run(nothing));  // there is room again
}

TEST(BlockingPool, StopRunsWhatIsQueuedAndRefusesTheRest)
{
    asio::io_context context;
    BlockingPool pool({.name = "test", .threads = 2});
    Gate gate;
    int done = 0;
    for (int i = 0; i < 5; ++i)
        asio::co_spawn(context, keep_thread(pool, gate), [&](std::exception_ptr error) { done += error ? 0 : 1; });
    context.poll();
    wait_until_queued(pool, 3);
    gate.open();
    pool.stop();
    context.run();
    EXPECT_EQ(done, 5);
    auto nothing = [] {};
    EXPECT_THROW(run_task(pool.run(nothing)), Unavailable);
}

TEST(BlockingPool, LeavesNoWorkBehindInTheCallersContext)
{
    // The mark of outstanding work ends with the call, on the caller's thread: a context that is used again must not
    // run out of work because of an earlier call.
    asio::io_context context;
    BlockingPool pool({.name = "test", .threads = 2});
    for (int i = 0; i < 2000; ++i) {
        auto number = [i] { return i; };
        ASSERT_EQ(run_task(context, pool.run(number)), i);
    }
    pool.stop();
    context.restart();
    context.poll();
    EXPECT_TRUE(context.stopped());
}

}  // namespace gatehouse
