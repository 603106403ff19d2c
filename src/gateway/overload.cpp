// SPDX-License-Identifier: Apache-2.0
#include "gateway/overload.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <string>

namespace gatehouse::gateway {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t requests_per_thread = 4096;  // unless the configuration says

// In parts of the most requests, and of the lag from which on it is too much.
constexpr PressureLevel::Thresholds requests_enter{0.7, 0.8, 0.9, 1.0};
constexpr PressureLevel::Thresholds lag_enter{1, 2, 4, 1e9};  // work is still got done: the rest is served
constexpr double leave_at = 0.8;

constexpr milliseconds lag_pace{100};
constexpr milliseconds lag_forgotten_after{1'000};  // an idle thread measures nothing

// Those who were sent away first come back last.
constexpr std::array<int, 4> retry_after_seconds{10, 5, 2, 1};

prometheus::Counter& shed_counter(Metrics& metrics, const std::string& reason)
{
    return metrics.counter("gatehouse_gateway_shed_total",
                           "Requests answered 503 because the process had too much to do, by what told.",
                           {{"reason", reason}});
}

}  // namespace

void PressureLevel::update(double pressure)
{
    while (level_ < enter_.size() && pressure >= enter_[level_])
        ++level_;
    while (level_ > 0 && pressure < enter_[level_ - 1] * leave_)
        --level_;
}

Overload::Overload(asio::any_io_executor executor, std::size_t threads, Metrics& metrics)
    : threads_(threads), by_requests_(requests_enter, leave_at), by_lag_(lag_enter, leave_at),
      timer_(std::move(executor)), shed_by_requests_(shed_counter(metrics, "requests")),
      shed_by_lag_(shed_counter(metrics, "lag"))
{
}

void Overload::begin(const OverloadConfig& config)
{
    // Connections are spread over the threads evenly enough that each may have its part of the whole.
    std::size_t most =
        config.requests_max == 0 ? requests_per_thread : std::max<std::size_t>(1, config.requests_max / threads_);
    bool was_any = any();
    by_requests_.update(static_cast<double>(in_progress_) / static_cast<double>(most));
    measure_lag(config);
    tell(was_any);
    ++in_progress_;
}

// A timer that waits in line with everything else that the thread has to do. It runs only while requests come.
void Overload::measure_lag(const OverloadConfig& config)
{
    if (config.lag_max.count() == 0 || timing_) {
        if (!timing_)
            by_lag_.update(0);
        return;
    }
    if (http::coarse_now() - measured_ > lag_forgotten_after)
        by_lag_.update(0);
    timing_ = true;
    timer_.expires_after(lag_pace);
    timer_.async_wait([this, lag_max = config.lag_max](const boost::system::error_code& error) {
        timing_ = false;
        if (!error)
            on_timer(lag_max);
    });
}

void Overload::on_timer(milliseconds lag_max)
{
    std::chrono::duration<double> lag = std::chrono::steady_clock::now() - timer_.expiry();
    bool was_any = any();
    by_lag_.update(lag / std::chrono::duration<double>(lag_max));
    measured_ = http::coarse_now();
    tell(was_any);
}

void Overload::tell(bool was_any) const
{
    if (any() == was_any)
        return;
    if (was_any)
        log::info("gateway", "no longer overloaded");
    else
        log::warn("gateway", "overloaded: work is turned away",
                  {{"reason", by_requests_.value() != 0 ? "requests" : "lag"}, {"in_progress", in_progress_}});
}

std::optional<http::Problem> Overload::check(Work work)
{
    auto rank = static_cast<std::size_t>(work);
    bool too_many = by_requests_.value() > rank;
    if (!too_many && by_lag_.value() <= rank)
        return std::nullopt;
    (too_many ? shed_by_requests_ : shed_by_lag_).Increment();
    auto problem = http::Problem::of_status(503, "overloaded", "The server has too much to do. Try again later.");
    problem.with_header("retry-after", std::to_string(retry_after_seconds[rank]));
    return problem;
}

}  // namespace gatehouse::gateway
