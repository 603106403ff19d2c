// SPDX-License-Identifier: Apache-2.0
// The only place that starts a coroutine nobody awaits: a bounded set of them with an owner who can wait for their end.
//
// All calls, and all the tasks, are on the one thread that runs `executor`. A task that ends with an exception other
// than its own cancellation is logged. REQUIRES: stop() has returned, or the context has ended, before destruction.
#pragma once

#include "base/task.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <list>
#include <string>

namespace gatehouse {

// True for the exception by which a cancelled task ends (operation_aborted).
bool is_cancellation(const std::exception_ptr& error);

class TaskGroup final {
public:
    TaskGroup(asio::any_io_executor executor, std::string name, std::size_t tasks_max);
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // False, and `task` is dropped, when tasks_max run already or the group is stopping.
    bool spawn(Task<void> task);

    std::size_t size() const { return running_.size(); }
    bool stopping() const { return stopping_; }

    // Refuses new tasks and waits until the running ones have ended, at most `grace`; then cancels the rest and waits
    // for their end.
    Task<void> stop(std::chrono::milliseconds grace);

    // Cancels what runs now; the tasks end at their next suspension.
    void cancel();

private:
    asio::any_io_executor executor_;
    std::string name_;
    std::size_t tasks_max_;
    bool stopping_ = false;
    std::list<asio::cancellation_signal> running_;
    asio::steady_timer ended_;
};

}  // namespace gatehouse
