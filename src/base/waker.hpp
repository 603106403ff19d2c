// SPDX-License-Identifier: Apache-2.0
// Lets one coroutine sleep until another thread has something for it.
//
// wait() belongs to one coroutine; wake() may be called by any thread. A wake() that comes before wait() ends that
// wait() at once, so nothing is missed between looking and sleeping.
#pragma once

#include "base/task.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

namespace gatehouse {

class Waker final : public std::enable_shared_from_this<Waker> {
public:
    // `executor` is the sleeper's and has one thread.
    explicit Waker(const asio::any_io_executor& executor) : timer_(executor) {}
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

    void wake();

    // Until wake(), or `limit` when there is one. Returns at once when the sleeper is, or has been, cancelled.
    Task<void> wait(std::optional<std::chrono::milliseconds> limit);

private:
    asio::steady_timer timer_;
    std::atomic<bool> woken_{false};
};

// Where other threads find a sleeper, as long as there is one.
class WakerPlace final {
public:
    // Any thread. Under the lock, so that the sleeper's context cannot end in between.
    void wake()
    {
        std::scoped_lock lock(mutex_);
        if (waker_)
            waker_->wake();
    }

    // The sleeper is there as long as this object: in its coroutine's frame, which ends before its context does.
    class Occupied {
    public:
        Occupied(WakerPlace& place, std::shared_ptr<Waker> waker) : place_(place) { place_.set(std::move(waker)); }
        ~Occupied() { place_.set(nullptr); }
        Occupied(const Occupied&) = delete;
        Occupied& operator=(const Occupied&) = delete;

    private:
        WakerPlace& place_;
    };

private:
    void set(std::shared_ptr<Waker> waker)
    {
        std::scoped_lock lock(mutex_);
        waker_ = std::move(waker);
    }

    std::mutex mutex_;
    std::shared_ptr<Waker> waker_;
};

// Waits. Returns at once when the caller is, or has been, cancelled.
Task<void> pause(std::chrono::milliseconds duration);

// Delays between tries of something that fails: 100 ms, doubling up to the given maximum.
class Backoff final {
public:
    explicit Backoff(std::chrono::milliseconds delay_max) : delay_max_(delay_max) {}

    std::chrono::milliseconds next()
    {
        auto delay = std::min(next_, delay_max_);
        next_ = std::min(next_ * 2, delay_max_);
        return delay;
    }
    void reset() { next_ = delay_first; }

private:
    static constexpr std::chrono::milliseconds delay_first{100};

    std::chrono::milliseconds delay_max_;
    std::chrono::milliseconds next_ = delay_first;
};

}  // namespace gatehouse
