// SPDX-License-Identifier: Apache-2.0
#include "http/client_metrics.hpp"

#include "base/io_threads.hpp"
#include "http/figures_text.hpp"

#include <prometheus/metric_family.h>

#include <array>

namespace gatehouse::http {

namespace {

MetricLabels labels_of(const std::pair<std::string, std::uint16_t>& server)
{
    MetricLabels labels{{"server_address", server.first}};
    if (server.second != 0)
        labels.push_back({"server_port", std::to_string(server.second)});
    return labels;
}

}  // namespace

std::shared_ptr<ClientMetrics> ClientMetrics::make(std::size_t threads, Metrics& metrics)
{
    auto made = std::make_shared<ClientMetrics>(threads);
    metrics.add(made);
    return made;
}

std::size_t ClientMetrics::server(const Endpoint& endpoint)
{
    std::scoped_lock lock(mutex_);
    return find_server(endpoint);
}

std::size_t ClientMetrics::find_server(const Endpoint& endpoint)
{
    Server server(endpoint.host, endpoint.scheme == "unix" ? 0 : endpoint.port);
    if (auto known = numbers_.find(server); known != numbers_.end())
        return known->second;
    if (servers_.size() + 1 == servers_max)
        servers_.emplace_back("_OTHER", 0);
    if (servers_.size() == servers_max)
        return servers_max - 1;
    numbers_.emplace(server, servers_.size());
    servers_.push_back(std::move(server));
    return servers_.size() - 1;
}

void ClientMetrics::count(std::size_t server, KnownMethod method, int status, RequestError error,
                          std::chrono::steady_clock::time_point began)
{
    RequestKind kind;
    kind.method = method;
    kind.status = status;
    kind.error = error;
    figures_.thread(IoThreads::current())
        .count(server, {.kind = kind, .took = std::chrono::steady_clock::now() - began});
}

std::shared_ptr<ConnectionFigures> ClientMetrics::add_pool(const Endpoint& endpoint)
{
    auto figures = std::make_shared<ConnectionFigures>();
    std::scoped_lock lock(mutex_);
    // Those of pools that are gone.
    std::erase_if(pools_, [](const auto& pool) { return pool.second.use_count() == 1; });
    pools_.emplace_back(find_server(endpoint), figures);
    return figures;
}

std::vector<prometheus::MetricFamily> ClientMetrics::Collect() const
{
    using prometheus::MetricType;
    prometheus::MetricFamily duration{"http_client_request_duration_seconds",
                                      "Time from a request to an upstream to the head of its answer.",
                                      MetricType::Histogram,
                                      {}};
    prometheus::MetricFamily open{"http_client_open_connections", "Connections to upstreams.", MetricType::Gauge, {}};
    prometheus::MetricFamily waiting{"gatehouse_client_waiting_requests",
                                     "Requests that wait for a connection to an upstream.",
                                     MetricType::Gauge,
                                     {}};
    auto totals = figures_.totals();
    std::scoped_lock lock(mutex_);
    for (const auto& [place, total] : totals) {
        RequestKind kind = RequestKind::of_key(place.second);
        MetricLabels labels = labels_of(servers_.at(place.first));
        labels.push_back({"http_request_method", std::string(to_string(kind.method))});
        if (kind.status != 0)
            labels.push_back({"http_response_status_code", std::to_string(kind.status)});
        // The conventions: an answer that tells of an error is one of that type.
        if (kind.status >= 400)
            labels.push_back({"error_type", std::to_string(kind.status)});
        else if (kind.error != RequestError::none)
            labels.push_back({"error_type", std::string(to_string(kind.error))});
        duration.metric.push_back(to_metric(total.seconds, RequestFigures::duration_bounds, std::move(labels)));
    }
    std::map<std::size_t, std::array<double, 3>> sums;  // active, idle, waiting
    for (const auto& [server, pool] : pools_) {
        auto& sum = sums[server];
        sum[0] += pool->active.load(std::memory_order_relaxed);
        sum[1] += pool->idle.load(std::memory_order_relaxed);
        sum[2] += pool->waiting.load(std::memory_order_relaxed);
    }
    for (const auto& [server, sum] : sums) {
        MetricLabels labels = labels_of(servers_.at(server));
        waiting.metric.push_back(to_gauge(sum[2], labels));
        labels.push_back({"http_connection_state", "active"});
        open.metric.push_back(to_gauge(sum[0], labels));
        labels.back().value = "idle";
        open.metric.push_back(to_gauge(sum[1], std::move(labels)));
    }
    return {std::move(duration), std::move(open), std::move(waiting)};
}

}  // namespace gatehouse::http
