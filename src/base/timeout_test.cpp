// SPDX-License-Identifier: Apache-2.0
#include "base/timeout.hpp"

#include "support/run_task.hpp"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using testing::run_task;

Task<int> answer_after(std::chrono::milliseconds delay)
{
    co_await sleep_for(delay);
    co_return 42;
}

Task<void> fail()
{
    co_await sleep_for(1ms);
    throw std::runtime_error("broken");
}

Task<int> fail_with_value()
{
    co_await fail();
    co_return 0;
}

TEST(WithTimeout, GivesTheResult)
{
    EXPECT_EQ(run_task(with_timeout(answer_after(1ms), 60s, "answer")), 42);
    run_task(with_timeout(sleep_for(1ms), 60s, "sleep"));
}

TEST(WithTimeout, ALateTaskIsCancelled)
{
    EXPECT_THROW(run_task(with_timeout(answer_after(60s), 5ms, "answer")), Unavailable);
}

TEST(WithTimeout, AFailureIsToldAtOnceAndAsItIs)
{
    EXPECT_THROW(run_task(with_timeout(fail(), 60s, "fail"), 5s), std::runtime_error);
    EXPECT_THROW(run_task(with_timeout(fail_with_value(), 60s, "fail"), 5s), std::runtime_error);
    try {
        run_task(with_timeout(fail(), 60s, "fail"), 5s);
    } catch (const std::exception& e) {
        EXPECT_STREQ(e.what(), "broken");
    }
}

}  // namespace
}  // namespace gatehouse
