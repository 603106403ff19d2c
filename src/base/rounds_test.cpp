// SPDX-License-Identifier: Apache-2.0
#include "base/rounds.hpp"

#include "base/task_group.hpp"
#include "base/timeout.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gatehouse {

namespace {

using namespace std::chrono_literals;
using testing::run_task;

class RoundsTest : public ::testing::Test {
protected:
    // Cancels the loop in the last of the rounds that `outcomes` has; false is one that fails.
    Task<void> work()
    {
        bool good = outcomes.at(done++);
        if (done == outcomes.size())
            group.cancel();
        if (wakes)
            sleeper.wake();
        co_await sleep_for(0ms);
        if (!good)
            throw std::runtime_error("away");
    }

    void run(std::chrono::milliseconds rest)
    {
        group.spawn(run_rounds(sleeper, {.work = [this] { return work(); },
                                         .rest = [rest](Waker& waker) { return waker.wait(rest); },
                                         .failed = [this](const std::string& error) { failures.push_back(error); },
                                         .backoff_max = 150ms}));
        run_task(context, group.stop(10s));
    }

    asio::io_context context;
    TaskGroup group{context.get_executor(), "test", 1};
    WakerPlace sleeper;
    std::vector<bool> outcomes;
    bool wakes = false;
    std::size_t done = 0;
    std::vector<std::string> failures;
};

}  // namespace

TEST_F(RoundsTest, FollowEachOtherUntilTheyAreCancelled)
{
    outcomes = {true, true, true};
    run(1ms);
    EXPECT_EQ(done, 3U);
    EXPECT_TRUE(failures.empty()) << "that it was cancelled is no failure";
}

TEST_F(RoundsTest, ThatFailAreToldAndTriedAgainAfterADelayThatGrows)
{
    outcomes = {false, false, false, true};
    auto began = std::chrono::steady_clock::now();
    run(1h);
    EXPECT_EQ(failures, std::vector<std::string>(3, "away"));
    EXPECT_GE(std::chrono::steady_clock::now() - began, 100ms + 150ms + 150ms);
}

TEST_F(RoundsTest, DoNotRestWhenTheyWereWokenMeanwhile)
{
    outcomes = {true, true, true};
    wakes = true;
    run(1h);
    EXPECT_EQ(done, 3U);
}

}  // namespace gatehouse
