// SPDX-License-Identifier: Apache-2.0
// How many requests may be sent again, so that retries cannot become a storm: a share of the requests that one thread
// has seen, and a small number per second for all threads together.
#pragma once

#include "http/deadline.hpp"
#include "http/upstream_options.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gatehouse::http {

// The share: each request earns a part of a retry. One thread.
class RetryCredit final {
public:
    void earn(const RetryOptions& options)
    {
        if (hundredths_ < hundredths_max)
            hundredths_ += options.budget_percent;
    }
    bool take()
    {
        if (hundredths_ < 100)
            return false;
        hundredths_ -= 100;
        return true;
    }

private:
    static constexpr std::size_t hundredths_max = 100 * 100;  // a hundred retries saved up

    std::size_t hundredths_ = 0;
};

// The number per second. Any thread.
class RetryFloor final {
public:
    bool take(const RetryOptions& options, SteadyTime now)
    {
        if (options.per_second == 0)
            return false;
        constexpr std::int64_t second = 1'000'000'000;
        std::int64_t step = second / static_cast<std::int64_t>(options.per_second);
        std::int64_t ticks = now.time_since_epoch().count();
        std::int64_t spent = spent_until_.load(std::memory_order_relaxed);
        for (;;) {
            // At most a second's worth at once.
            std::int64_t next = std::max(spent, ticks - second) + step;
            if (next > ticks)
                return false;
            if (spent_until_.compare_exchange_weak(spent, next, std::memory_order_relaxed))
                return true;
        }
    }

private:
    std::atomic<std::int64_t> spent_until_{0};
};

}  // namespace gatehouse::http
