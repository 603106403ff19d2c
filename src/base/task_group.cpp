// SPDX-License-Identifier: Apache-2.0
#include "base/task_group.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {

namespace {

std::string describe(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown exception";
    }
}

}  // namespace

bool is_cancellation(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
        return e.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

TaskGroup::TaskGroup(asio::any_io_executor executor, std::string name, std::size_t tasks_max)
    : executor_(std::move(executor)), name_(std::move(name)), tasks_max_(tasks_max), ended_(executor_)
{
}

TaskGroup::~TaskGroup() = default;

bool TaskGroup::spawn(Task<void> task)
{
    if (stopping_ || running_.size() >= tasks_max_)
        return false;
    auto entry = running_.emplace(running_.end());
    auto finish = [this, entry](std::exception_ptr error) {
        if (error && !is_cancellation(error))
            log::error(name_, "task ended with an exception", {{"error", describe(error)}});
        running_.erase(entry);
        if (running_.empty())
            ended_.cancel();
    };
    asio::co_spawn(executor_, std::move(task), asio::bind_cancellation_slot(entry->slot(), finish));
    return true;
}

void TaskGroup::cancel()
{
    // Emitting may end a task at once, which erases its entry.
    for (auto it = running_.begin(); it != running_.end();)
        (it++)->emit(asio::cancellation_type::terminal);
}

Task<void> TaskGroup::stop(std::chrono::milliseconds grace)
{
    stopping_ = true;
    boost::system::error_code ignored;
    if (!running_.empty()) {
        ended_.expires_after(grace);
        co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    while (!running_.empty()) {
        // Again and again: a task may have begun another wait between the signal and its check.
        cancel();
        if (running_.empty())
            break;
        ended_.expires_after(std::chrono::milliseconds{100});
        co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

}  // namespace gatehouse
