// SPDX-License-Identifier: Apache-2.0
#include "gateway/upstream_metrics.hpp"

#include <set>
#include <utility>

namespace gatehouse::gateway {

namespace {

prometheus::MetricFamily family(const char* name, const char* help, prometheus::MetricType type)
{
    prometheus::MetricFamily made;
    made.name = name;
    made.help = help;
    made.type = type;
    return made;
}

}  // namespace

void UpstreamMetrics::show(std::vector<std::shared_ptr<http::EndpointSet>> services)
{
    std::scoped_lock lock(mutex_);
    services_ = std::move(services);
}

std::vector<prometheus::MetricFamily> UpstreamMetrics::Collect() const
{
    using prometheus::MetricType;
    auto healthy = family("gatehouse_upstream_endpoint_healthy", "1 for an endpoint that is fit to serve, else 0.",
                          MetricType::Gauge);
    auto active =
        family("gatehouse_upstream_active_requests", "Requests in progress at an endpoint.", MetricType::Gauge);
    auto ejections = family("gatehouse_upstream_ejections_total", "Times that an endpoint was left out for a while.",
                            MetricType::Counter);
    std::scoped_lock lock(mutex_);
    http::SteadyTime now = http::coarse_now();
    // Two routes for one path may lead to the same place.
    std::set<std::pair<std::string_view, std::string_view>> told;
    for (const auto& service : services_) {
        for (std::size_t i = 0; i < service->size(); ++i) {
            if (!told.emplace(service->service(), service->name(i)).second)
                continue;
            prometheus::ClientMetric metric;
            metric.label = {{"upstream", service->service()}, {"endpoint", service->name(i)}};
            metric.gauge.value = service->fit(i, now) ? 1 : 0;
            healthy.metric.push_back(metric);
            metric.gauge.value = static_cast<double>(service->in_progress(i));
            active.metric.push_back(metric);
            metric.counter.value = static_cast<double>(service->ejections(i));
            ejections.metric.push_back(std::move(metric));
        }
    }
    return {std::move(healthy), std::move(active), std::move(ejections)};
}

json::array UpstreamMetrics::states() const
{
    json::array services;
    std::scoped_lock lock(mutex_);
    http::SteadyTime now = http::coarse_now();
    std::set<std::pair<std::string_view, std::string_view>> told;
    for (const auto& service : services_) {
        json::array endpoints;
        for (std::size_t i = 0; i < service->size(); ++i) {
            if (!told.emplace(service->service(), service->name(i)).second)
                continue;
            json::object endpoint;
            endpoint["name"] = service->name(i);
            endpoint["healthy"] = service->fit(i, now);
            endpoint["active_requests"] = service->in_progress(i);
            endpoint["ejections"] = service->ejections(i);
            endpoints.push_back(std::move(endpoint));
        }
        if (!endpoints.empty())
            services.push_back({{"name", service->service()}, {"endpoints", std::move(endpoints)}});
    }
    return services;
}

}  // namespace gatehouse::gateway
