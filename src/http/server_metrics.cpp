// SPDX-License-Identifier: Apache-2.0
#include "http/server_metrics.hpp"

#include "base/io_threads.hpp"
#include "http/figures_text.hpp"

#include <prometheus/metric_family.h>

#include <numeric>
#include <utility>

namespace gatehouse::http {

namespace {

void add_to(std::atomic<std::int64_t>& cell, std::int64_t value)
{
    cell.store(cell.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

}  // namespace

ServerMetrics::Active::Active(Active&& other) noexcept
    : active_(std::exchange(other.active_, nullptr)), thread_(other.thread_), kind_(other.kind_), began_(other.began_)
{
}

ServerMetrics::Active& ServerMetrics::Active::operator=(Active&& other) noexcept
{
    if (this != &other) {
        end();
        active_ = std::exchange(other.active_, nullptr);
        thread_ = other.thread_;
        kind_ = other.kind_;
        began_ = other.began_;
    }
    return *this;
}

void ServerMetrics::Active::end()
{
    if (active_)
        add_to(*std::exchange(active_, nullptr), -1);
}

void ServerMetrics::Active::count(std::size_t route, int status, std::uint64_t request_bytes,
                                  std::uint64_t response_bytes)
{
    kind_.status = status;
    thread_->count(route, {kind_, std::chrono::steady_clock::now() - began_, request_bytes, response_bytes});
    end();
}

std::shared_ptr<ServerMetrics> ServerMetrics::make(std::size_t threads, Metrics& metrics)
{
    auto made = std::make_shared<ServerMetrics>(threads);
    metrics.add(made);
    return made;
}

ServerMetrics::ServerMetrics(std::size_t threads) : figures_(threads), threads_(threads)
{
    figures_.group("");  // 0: no route
}

ServerMetrics::Active ServerMetrics::begin(const Request& request)
{
    std::size_t index = IoThreads::current();
    Active active;
    active.kind_.method = known_method(request.head.method);
    active.kind_.https = request.scheme == "https";
    active.kind_.version = request.head.version;
    active.began_ = std::chrono::steady_clock::now();
    active.thread_ = &figures_.thread(index);
    active.active_ =
        &threads_[index].active[static_cast<std::size_t>(active.kind_.method) * 2 + (active.kind_.https ? 1 : 0)];
    add_to(*active.active_, 1);
    return active;
}

std::vector<prometheus::MetricFamily> ServerMetrics::Collect() const
{
    using prometheus::MetricType;
    prometheus::MetricFamily duration{"http_server_request_duration_seconds",
                                      "Time from a request's head to the end of its answer.",
                                      MetricType::Histogram,
                                      {}};
    prometheus::MetricFamily request_bytes{
        "http_server_request_body_size_bytes", "Size of requests' bodies.", MetricType::Histogram, {}};
    prometheus::MetricFamily response_bytes{
        "http_server_response_body_size_bytes", "Size of answers' bodies.", MetricType::Histogram, {}};
    prometheus::MetricFamily active{"http_server_active_requests", "Requests in progress.", MetricType::Gauge, {}};

    // Sizes are told by route and method alone: they hardly differ by the rest.
    std::map<std::pair<std::size_t, KnownMethod>, RequestFigures::Total> sizes;
    for (const auto& [place, total] : figures_.totals()) {
        RequestKind kind = RequestKind::of_key(place.second);
        std::string route = figures_.name_of(place.first);
        duration.metric.push_back(to_metric(total.seconds, RequestFigures::duration_bounds,
                                            {{"http_request_method", std::string(to_string(kind.method))},
                                             {"http_response_status_code", std::to_string(kind.status)},
                                             {"http_route", route},
                                             {"network_protocol_version", std::string(version_label(kind.version))},
                                             {"url_scheme", kind.https ? "https" : "http"}}));
        auto& sum = sizes[{place.first, kind.method}];
        sum.request_bytes.add(total.request_bytes);
        sum.response_bytes.add(total.response_bytes);
    }
    for (const auto& [place, total] : sizes) {
        MetricLabels labels{{"http_request_method", std::string(to_string(place.second))},
                            {"http_route", figures_.name_of(place.first)}};
        request_bytes.metric.push_back(to_metric(total.request_bytes, RequestFigures::size_bounds, labels));
        response_bytes.metric.push_back(to_metric(total.response_bytes, RequestFigures::size_bounds, labels));
    }
    for (std::size_t i = 0; i < method_count * 2; ++i) {
        std::int64_t count = 0;
        for (const Threads& thread : threads_)
            count += thread.active[i].load(std::memory_order_relaxed);
        auto method = static_cast<KnownMethod>(i / 2);
        active.metric.push_back(
            to_gauge(static_cast<double>(count), {{"http_request_method", std::string(to_string(method))},
                                                  {"url_scheme", i % 2 == 1 ? "https" : "http"}}));
    }
    return {std::move(duration), std::move(request_bytes), std::move(response_bytes), std::move(active)};
}

ServerMetrics::Summary ServerMetrics::summary() const
{
    Summary summary;
    for (const auto& [place, total] : figures_.totals()) {
        int status = RequestKind::of_key(place.second).status;
        std::uint64_t count =
            std::accumulate(total.seconds.buckets.begin(), total.seconds.buckets.end(), std::uint64_t{0});
        summary.answered += count;
        if (status >= 500)
            summary.server_errors += count;
        else if (status >= 400)
            summary.client_errors += count;
        summary.seconds.add(total.seconds);
    }
    for (const Threads& thread : threads_)
        for (const auto& active : thread.active)
            summary.active += active.load(std::memory_order_relaxed);
    return summary;
}

}  // namespace gatehouse::http
