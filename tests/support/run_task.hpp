// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine to its end on a context of its own and gives its result; fails the test when it does not end in time.
#pragma once

#include "base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>

namespace gatehouse::testing {

template <class T>
T run_task(asio::io_context& context, Task<T> task, std::chrono::milliseconds limit = std::chrono::seconds{10})
{
    std::exception_ptr error;
    bool done = false;
    context.restart();
    if constexpr (std::is_void_v<T>) {
        asio::co_spawn(context, std::move(task), [&](std::exception_ptr e) { error = e, done = true; });
        auto end = std::chrono::steady_clock::now() + limit;
        while (!done && context.run_one_until(end) != 0) {
        }
    } else {
        std::optional<T> result;
        asio::co_spawn(context, std::move(task), [&](std::exception_ptr e, T value) {
            error = e;
            done = true;
            if (!e)
                result.emplace(std::move(value));
        });
        auto end = std::chrono::steady_clock::now() + limit;
        while (!done && context.run_one_until(end) != 0) {
        }
        if (done && !error)
            return std::move(*result);
    }
    if (error)
        std::rethrow_exception(error);
    if (!done)
        throw std::runtime_error("the task did not end in time");
    if constexpr (!std::is_void_v<T>)
        throw std::logic_error("unreachable");
}

template <class T>
T run_task(Task<T> task, std::chrono::milliseconds limit = std::chrono::seconds{10})
{
    asio::io_context context;
    return run_task(context, std::move(task), limit);
}

}  // namespace gatehouse::testing
