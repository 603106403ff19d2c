// SPDX-License-Identifier: Apache-2.0
#include "files/side_job.hpp"

#include "base/error.hpp"

namespace gatehouse::files {

void SideJob::start(std::move_only_function<void()> job)
{
    GH_ASSERT(!running_);
    auto state = std::make_shared<State>();
    pool_.post([state, job = std::move(job)]() mutable {
        std::exception_ptr error;
        try {
            job();
        } catch (...) {
            error = std::current_exception();
        }
        job = nullptr;
        std::move_only_function<void()> waiter;
        {
            std::scoped_lock lock(state->mutex);
            state->error = std::move(error);
            state->ended = true;
            waiter = std::move(state->waiter);
        }
        if (waiter)
            waiter();
    });
    running_ = std::move(state);
}

Task<void> SideJob::join()
{
    auto state = std::exchange(running_, nullptr);
    if (!state)
        co_return;
    // Its waiter when it runs; else it is called at once.
    auto initiate = [&state](auto handler) {
        std::move_only_function<void()> resume = BlockingPool::resumption(std::move(handler));
        {
            std::scoped_lock lock(state->mutex);
            if (!state->ended)
                state->waiter = std::exchange(resume, nullptr);
        }
        if (resume)
            resume();
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate, asio::use_awaitable);
    if (state->error)
        std::rethrow_exception(state->error);
}

}  // namespace gatehouse::files
