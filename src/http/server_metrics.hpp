// SPDX-License-Identifier: Apache-2.0
// The requests that a server answers, as OpenTelemetry's HTTP conventions name them (http.server.*), by route template.
//
// Figures are kept per thread (request_figures.hpp) and outlive the configuration that the routes came from.
#pragma once

#include "base/metrics.hpp"
#include "http/request_figures.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace gatehouse::http {

class ServerMetrics final : public prometheus::Collectable {
public:
    // A request in progress: counted as active until count() or its end. Moves with the request; on its thread.
    class Active final {
    public:
        Active() = default;
        Active(Active&& other) noexcept;
        Active& operator=(Active&& other) noexcept;
        ~Active() { end(); }

        // REQUIRES: it came from ServerMetrics::begin(). `route` is what route() gave; 0 when none matched.
        void count(std::size_t route, int status, std::uint64_t request_bytes, std::uint64_t response_bytes);

        std::chrono::steady_clock::time_point began() const { return began_; }
        KnownMethod method() const { return kind_.method; }

    private:
        friend class ServerMetrics;

        void end();

        std::atomic<std::int64_t>* active_ = nullptr;  // null when it has ended
        RequestFigures::Thread* thread_ = nullptr;
        RequestKind kind_;
        std::chrono::steady_clock::time_point began_;
    };

    // Registers itself; `metrics` outlives every use of it.
    static std::shared_ptr<ServerMetrics> make(std::size_t threads, Metrics& metrics);
    explicit ServerMetrics(std::size_t threads);

    // The number of a route template; the same template has the same one always. Ask once and keep it.
    std::size_t route(const std::string& name) { return figures_.group(name); }

    // Call on an I/O thread.
    Active begin(const Request& request);

    std::vector<prometheus::MetricFamily> Collect() const override;

    // All requests together since the start, whatever their route. Any thread.
    struct Summary {
        std::uint64_t answered = 0;
        std::uint64_t client_errors = 0;  // of them, answered with 4xx
        std::uint64_t server_errors = 0;  // and with 5xx
        std::int64_t active = 0;
        RequestFigures::Histogram<RequestFigures::duration_bounds.size()> seconds;
    };
    Summary summary() const;

private:
    static constexpr std::size_t method_count = 10;
    struct Threads {
        std::array<std::atomic<std::int64_t>, method_count * 2> active{};  // by method and scheme
    };

    RequestFigures figures_;
    std::deque<Threads> threads_;
};

}  // namespace gatehouse::http
