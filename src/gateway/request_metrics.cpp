// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_metrics.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

namespace gatehouse::gateway {

struct RequestMetrics::RouteFigures {
    Metrics* metrics;
    std::string route;
    prometheus::Histogram* duration;
    // Looked up when a status is first answered; the registry gives every thread the same counter.
    std::array<std::atomic<prometheus::Counter*>, 600> by_status{};

    prometheus::Counter& counter(int status)
    {
        auto& slot = by_status[static_cast<std::size_t>(std::clamp(status, 0, 599))];
        prometheus::Counter* counter = slot.load(std::memory_order_acquire);
        if (!counter) {
            counter = &metrics->counter("gatehouse_gateway_requests_total", "Requests answered by the gateway.",
                                        {{"route", route}, {"status", std::to_string(status)}});
            slot.store(counter, std::memory_order_release);
        }
        return *counter;
    }
};

RequestMetrics::RequestMetrics(const RouteTable& routes, Metrics& metrics)
{
    auto add = [&](const std::string& name) {
        auto figures = std::make_unique<RouteFigures>();
        figures->metrics = &metrics;
        figures->route = name;
        figures->duration = &metrics.duration("gatehouse_gateway_request_duration_seconds",
                                              "Time from a request's head to its answer's head.", {{"route", name}});
        figures_.push_back(std::move(figures));
    };
    for (const auto& route : routes.routes())
        add(route->name);
    add("none");
}

RequestMetrics::~RequestMetrics() = default;

void RequestMetrics::count(const Route* route, int status, std::chrono::steady_clock::duration took)
{
    RouteFigures& figures = *figures_[route ? route->index : figures_.size() - 1];
    figures.counter(status).Increment();
    figures.duration->Observe(std::chrono::duration<double>(took).count());
}

}  // namespace gatehouse::gateway
