// SPDX-License-Identifier: Apache-2.0
// One job at a time on a BlockingPool, beside the coroutine that started it: one buffer is filled while the other is
// written.
//
// All calls are its owner's, one after another. A job may outlive its owner, so what it uses it must keep alive.
#pragma once

#include "base/blocking_pool.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace gatehouse::files {

class SideJob final {
public:
    explicit SideJob(BlockingPool& pool) : pool_(pool) {}

    // Throws Unavailable as BlockingPool::run() does. REQUIRES: the one before was awaited.
    void start(std::move_only_function<void()> job);

    // Until the job has ended; at once when there is none. Throws what it threw. Cannot be cancelled.
    Task<void> join();

private:
    struct State {
        std::mutex mutex;
        bool ended = false;
        std::move_only_function<void()> waiter;  // resumes who joins
        std::exception_ptr error;
    };

    BlockingPool& pool_;
    std::shared_ptr<State> running_;  // null: none
};

}  // namespace gatehouse::files
