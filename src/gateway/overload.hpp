// SPDX-License-Identifier: Apache-2.0
// What is given up when an I/O thread has more work than it gets done: first what costs its client least to try again,
// and is worth most to be rid of. Logins go first (each costs a password hash), then what anybody asks, then what a
// known user can simply repeat, and only a full house turns the rest away. Probes are on the ops port and never shed.
//
// Two things tell: requests that wait for their answer's head, and how late the thread is for a timer of its own. A
// level is left later than it is entered. One object for each I/O thread, used on that alone; it outlives
// configurations.
#pragma once

#include "base/metrics.hpp"
#include "gateway/config.hpp"
#include "http/deadline.hpp"
#include "http/problem.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace gatehouse::gateway {

// From the cheapest to give up to the dearest.
enum class Work : std::uint8_t { login, anonymous, repeatable, other };

// How many kinds of work are given up, by one figure.
class PressureLevel final {
public:
    using Thresholds = std::array<double, 4>;

    // enter[i] is from where i + 1 kinds are given up; below leave * enter[i] that one is served again.
    PressureLevel(Thresholds enter, double leave) : enter_(enter), leave_(leave) {}

    void update(double pressure);
    std::size_t value() const { return level_; }

private:
    Thresholds enter_;
    double leave_;
    std::size_t level_ = 0;
};

class Overload final {
public:
    // `metrics` outlives it.
    Overload(asio::any_io_executor executor, std::size_t threads, Metrics& metrics);
    Overload(const Overload&) = delete;
    Overload& operator=(const Overload&) = delete;

    // A request from its head to its answer's head.
    class Request final {
    public:
        Request(Overload& overload, const OverloadConfig& config) : overload_(overload) { overload_.begin(config); }
        ~Request() { --overload_.in_progress_; }
        Request(const Request&) = delete;
        Request& operator=(const Request&) = delete;

    private:
        Overload& overload_;
    };

    // Whether anything is given up at all: cheap, asked for each request.
    bool any() const { return by_requests_.value() != 0 || by_lag_.value() != 0; }

    // What a request with such work is answered; nullopt when it is served.
    std::optional<http::Problem> check(Work work);

private:
    void begin(const OverloadConfig& config);
    void measure_lag(const OverloadConfig& config);
    void on_timer(std::chrono::milliseconds lag_max);
    void tell(bool was_any) const;

    std::size_t threads_;
    std::size_t in_progress_ = 0;
    PressureLevel by_requests_;
    PressureLevel by_lag_;
    asio::steady_timer timer_;
    bool timing_ = false;
    http::SteadyTime measured_;  // when the lag was known last
    prometheus::Counter& shed_by_requests_;
    prometheus::Counter& shed_by_lag_;
};

}  // namespace gatehouse::gateway
