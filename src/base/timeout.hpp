// SPDX-License-Identifier: Apache-2.0
// A deadline for any task: every wait on the outside world has one. REQUIRES: the awaiter's executor has one thread.
#pragma once

#include "base/error.hpp"
#include "base/task.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <string>
#include <variant>

namespace gatehouse {

// The task's result; when it has not ended after `limit` it is cancelled and Unavailable("<what>: timed out") is thrown.
template <class T>
Task<T> with_timeout(Task<T> task, std::chrono::milliseconds limit, std::string what)
{
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    auto outcome = co_await (std::move(task) || timer.async_wait(asio::use_awaitable));
    if (outcome.index() == 1)
        throw Unavailable(what + ": timed out");
    if constexpr (!std::is_void_v<T>)
        co_return std::get<0>(std::move(outcome));
}

// Waits; ends with operation_aborted when cancelled.
inline Task<void> sleep_for(std::chrono::milliseconds duration)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, duration);
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace gatehouse
