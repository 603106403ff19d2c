// SPDX-License-Identifier: Apache-2.0
// Figures in the form that Prometheus' library serializes. Stateless.
#pragma once

#include "http/request_figures.hpp"

#include <prometheus/client_metric.h>

#include <limits>
#include <string>
#include <vector>

namespace gatehouse::http {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

inline prometheus::ClientMetric to_gauge(double value, MetricLabels labels)
{
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    return metric;
}

template <std::size_t Bounds>
prometheus::ClientMetric to_metric(const RequestFigures::Histogram<Bounds>& histogram,
                                   const std::array<double, Bounds>& bounds, MetricLabels labels)
{
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= Bounds; ++i) {
        count += histogram.buckets[i];
        double bound = i < Bounds ? bounds[i] : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = histogram.sum;
    return metric;
}

}  // namespace gatehouse::http
