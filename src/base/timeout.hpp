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
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>

namespace gatehouse {

// Awaits `task` and keeps what it throws in `error`; T's default then. For operator ||, which waits on for the other
// side when one ends with an exception.
template <class T>
Task<std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>>> keep_error(Task<T> task,
                                                                                         std::exception_ptr& error)
{
    try {
        if constexpr (std::is_void_v<T>)
            co_await std::move(task);
        else
            co_return co_await std::move(task);
    } catch (...) {
        error = std::current_exception();
    }
    co_return std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>>{};
}

// The task's result or exception; when it has not ended after `limit` it is cancelled and Unavailable("<what>: timed
// out") is thrown.
template <class T>
Task<T> with_timeout(Task<T> task, std::chrono::milliseconds limit, std::string what)
{
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    std::exception_ptr error;
    auto outcome = co_await (keep_error(std::move(task), error) || timer.async_wait(asio::use_awaitable));
    if (outcome.index() == 1)
        throw Unavailable(what + ": timed out");
    if (error)
        std::rethrow_exception(error);
    if constexpr (!std::is_void_v<T>)
        co_return std::move(*std::get<0>(outcome));
}

// Waits; ends with operation_aborted when cancelled.
inline Task<void> sleep_for(std::chrono::milliseconds duration)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, duration);
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace gatehouse
