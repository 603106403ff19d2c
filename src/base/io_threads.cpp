// SPDX-License-Identifier: Apache-2.0
#include "base/io_threads.hpp"

#include <pthread.h>

#include <fmt/format.h>

namespace gatehouse {

namespace {

constexpr std::size_t no_thread = static_cast<std::size_t>(-1);
thread_local std::size_t current_index = no_thread;

}  // namespace

IoThreads::IoThreads(std::size_t count)
{
    GH_ASSERT(count > 0);
    for (std::size_t i = 0; i < count; ++i) {
        // Hint 1: only one thread runs each context, so Asio leaves out its own locking of the scheduler.
        contexts_.push_back(std::make_unique<asio::io_context>(BOOST_ASIO_CONCURRENCY_HINT_1));
        guards_.push_back(asio::make_work_guard(*contexts_.back()));
    }
}

IoThreads::~IoThreads() { stop(); }

void IoThreads::start()
{
    for (std::size_t i = 0; i < contexts_.size(); ++i) {
        threads_.emplace_back([this, i] {
            current_index = i;
            contexts_[i]->run();
        });
        pthread_setname_np(threads_.back().native_handle(), fmt::format("io-{}", i).c_str());
    }
}

void IoThreads::stop()
{
    guards_.clear();
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
}

std::size_t IoThreads::current()
{
    GH_ASSERT(current_index != no_thread);
    return current_index;
}

}  // namespace gatehouse
