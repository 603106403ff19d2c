// SPDX-License-Identifier: Apache-2.0
// Threads for work that blocks or burns CPU: database drivers, file I/O, password hashing.
//
// run() takes a place in the bounded queue, runs `fn` on a pool thread and resumes the caller on its own executor. The
// place belongs to the job, not to the caller: a client that goes away does not free it. A job cannot be cancelled, so
// stop() must be called before the callers' contexts are destroyed. Any thread may call run().
#pragma once

#include "base/task.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <variant>
#include <vector>

namespace gatehouse {

class BlockingPool final {
public:
    struct Options {
        std::string name;  // of the threads, at most 12 characters
        std::size_t threads = 1;
        std::size_t queue_max = 1024;  // jobs waiting, not counting those that run
        int nice = 0;                  // added to the threads' niceness
    };

    explicit BlockingPool(Options options);
    ~BlockingPool();
    BlockingPool(const BlockingPool&) = delete;
    BlockingPool& operator=(const BlockingPool&) = delete;

    // The result of fn(), or its exception. Throws Unavailable when the queue is full or the pool is stopped.
    template <class F>
    Task<std::invoke_result_t<F&>> run(F fn);

    // Runs `job`, which does not throw, for nobody who waits. Throws Unavailable likewise.
    void post(std::move_only_function<void()> job);

    // What resumes a coroutine that waits by `handler`, on its own executor; from any thread, once. The caller may end
    // its context as soon as it is resumed, so the mark of outstanding work travels with the handler: who calls must
    // not touch the context afterwards.
    template <class Handler>
    static auto resumption(Handler handler)
    {
        auto executor = asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
        return [executor = std::move(executor), handler = std::move(handler)]() mutable {
            auto plain = asio::prefer(executor, asio::execution::outstanding_work.untracked);
            asio::post(plain,
                       [work = std::move(executor), handler = std::move(handler)]() mutable { std::move(handler)(); });
        };
    }

    // Runs what is queued, then joins the threads.
    void stop();

    std::size_t queued() const;

private:
    using Job = std::move_only_function<void()>;

    // A place in the queue: taken by the constructor (throws Unavailable), used by submit() or given back.
    class Place {
    public:
        explicit Place(BlockingPool& pool) : pool_(pool) { pool_.reserve(); }
        ~Place()
        {
            if (!used_)
                pool_.release();
        }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        void submit(Job job)
        {
            used_ = true;
            pool_.submit(std::move(job));
        }

    private:
        BlockingPool& pool_;
        bool used_ = false;
    };

    void reserve();
    void release();
    void submit(Job job);
    void work();

    Options options_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> jobs_;
    std::size_t reserved_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

template <class F>
Task<std::invoke_result_t<F&>> BlockingPool::run(F fn)
{
    using Value = std::invoke_result_t<F&>;
    using Slot = std::conditional_t<std::is_void_v<Value>, std::monostate, std::optional<Value>>;

    Place place(*this);
    Slot result{};
    std::exception_ptr error;
    auto call = [&] {
        try {
            if constexpr (std::is_void_v<Value>)
                fn();
            else
                result.emplace(fn());
        } catch (...) {
            error = std::current_exception();
        }
    };
    auto initiate = [&place, &call](auto handler) {
        place.submit([&call, resume = resumption(std::move(handler))]() mutable {
            call();
            resume();
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate, asio::use_awaitable);
    if (error)
        std::rethrow_exception(error);
    if constexpr (!std::is_void_v<Value>)
        co_return std::move(*result);
}

}  // namespace gatehouse
