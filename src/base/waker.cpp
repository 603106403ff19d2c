// SPDX-License-Identifier: Apache-2.0
#include "base/waker.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {

namespace {

// A cancellation ends the wait that it meets; one that came before a wait must not be slept through either.
Task<bool> is_cancelled()
{
    auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

void Waker::wake()
{
    if (woken_.exchange(true))
        return;  // the sleeper has not looked since
    asio::post(timer_.get_executor(), [self = shared_from_this()] { self->timer_.cancel(); });
}

Task<void> Waker::wait(std::optional<std::chrono::milliseconds> limit)
{
    bool cancelled = co_await is_cancelled();
    if (woken_.exchange(false) || cancelled)
        co_return;
    if (limit)
        timer_.expires_after(*limit);
    else
        timer_.expires_at(asio::steady_timer::time_point::max());
    boost::system::error_code ended;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    woken_ = false;
}

Task<void> pause(std::chrono::milliseconds duration)
{
    bool cancelled = co_await is_cancelled();
    if (cancelled)
        co_return;
    asio::steady_timer timer(co_await asio::this_coro::executor, duration);
    boost::system::error_code ended;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
}

}  // namespace gatehouse
