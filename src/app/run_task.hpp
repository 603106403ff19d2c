// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine from a thread that has none: on a context of its own (the command line), or on an I/O thread.
#pragma once

#include "base/task.hpp"
#include "base/task_group.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <future>
#include <utility>

namespace gatehouse::app {

// Hands the outcome of `task` to whoever holds the promise's future.
template <class T>
Task<void> keep_outcome(Task<T> task, std::promise<T>& promise)
{
    std::exception_ptr error;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(task);
            promise.set_value();
        } else {
            T value = co_await std::move(task);
            promise.set_value(std::move(value));
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (error)
        promise.set_exception(error);
}

// Runs `context` on this thread until `task` has ended. REQUIRES: nobody else runs the context.
template <class T>
T run_task(asio::io_context& context, Task<T> task)
{
    TaskGroup group(context.get_executor(), "app", 1);
    std::promise<T> promise;
    auto outcome = promise.get_future();
    group.spawn(keep_outcome(std::move(task), promise));
    context.restart();
    while (group.size() != 0)
        context.run_one();
    return outcome.get();
}

}  // namespace gatehouse::app
