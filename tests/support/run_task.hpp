// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine to its end on a context of its own and gives its result; fails the test when it does not end in
// time.
#pragma once

#include "base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <vector>

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

// Contexts for tasks that bring none, used again and again. One must not end with its task: the pool thread that has
// just posted the task's result may still be on its way out of post().
class SpareContexts final {
public:
    std::unique_ptr<asio::io_context> take()
    {
        std::scoped_lock lock(mutex_);
        if (spare_.empty())
            return std::make_unique<asio::io_context>();
        auto context = std::move(spare_.back());
        spare_.pop_back();
        return context;
    }
    void give_back(std::unique_ptr<asio::io_context> context)
    {
        // One in which something still waits must not run it for the next task.
        context->restart();
        context->poll();
        if (!context->stopped())
            return;
        std::scoped_lock lock(mutex_);
        spare_.push_back(std::move(context));
    }

    static SpareContexts& instance()
    {
        static auto* contexts = new SpareContexts;  // lives on: threads may still run when the program ends
        return *contexts;
    }

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<asio::io_context>> spare_;
};

template <class T>
T run_task(Task<T> task, std::chrono::milliseconds limit = std::chrono::seconds{10})
{
    struct Borrowed {
        std::unique_ptr<asio::io_context> context = SpareContexts::instance().take();
        ~Borrowed() { SpareContexts::instance().give_back(std::move(context)); }
    };
    Borrowed borrowed;
    return run_task(*borrowed.context, std::move(task), limit);
}

}  // namespace gatehouse::testing
