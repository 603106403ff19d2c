// SPDX-License-Identifier: Apache-2.0
// The I/O threads: one io_context each, nothing shared between them (docs/adr/0001-threads.md).
//
// A connection, its upstream connections and its caches live and die on one of them. PerThread<T> holds one T for each
// thread; work that belongs to no connection (relays, consumers, timers) runs on thread 0.
#pragma once

#include "base/error.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace gatehouse {

namespace asio = boost::asio;

class IoThreads final {
public:
    explicit IoThreads(std::size_t count);
    ~IoThreads();
    IoThreads(const IoThreads&) = delete;
    IoThreads& operator=(const IoThreads&) = delete;

    std::size_t size() const { return contexts_.size(); }
    asio::io_context& context(std::size_t index) { return *contexts_[index]; }

    void start();

    // Lets the contexts run out of work and joins the threads. Pools whose jobs complete on them must be stopped
    // before.
    void stop();

    // The calling I/O thread's index. REQUIRES: the caller runs on one of an IoThreads' threads.
    static std::size_t current();

private:
    std::vector<std::unique_ptr<asio::io_context>> contexts_;
    std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards_;
    std::vector<std::thread> threads_;
};

template <class T>
class PerThread final {
public:
    // make(index) is called once for each thread, here.
    template <class Make>
    PerThread(std::size_t count, Make make)
    {
        for (std::size_t i = 0; i < count; ++i)
            items_.push_back(make(i));
    }

    T& local() { return *items_[IoThreads::current()]; }
    T& at(std::size_t index) { return *items_[index]; }
    std::size_t size() const { return items_.size(); }

private:
    std::vector<std::unique_ptr<T>> items_;
};

}  // namespace gatehouse
