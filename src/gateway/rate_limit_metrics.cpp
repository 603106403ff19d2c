// SPDX-License-Identifier: Apache-2.0
#include "gateway/rate_limit_metrics.hpp"

#include <utility>

namespace gatehouse::gateway {

void RateLimitMetrics::show(std::shared_ptr<const RateBuckets> buckets)
{
    std::scoped_lock lock(mutex_);
    if (buckets_ && buckets_ != buckets)
        evictions_before_ += buckets_->evictions();
    buckets_ = std::move(buckets);
}

std::vector<prometheus::MetricFamily> RateLimitMetrics::Collect() const
{
    prometheus::MetricFamily evictions{"gatehouse_gateway_rate_limit_evictions_total",
                                       "Clients whose count was forgotten because there were too many.",
                                       prometheus::MetricType::Counter,
                                       {}};
    std::scoped_lock lock(mutex_);
    prometheus::ClientMetric metric;
    metric.counter.value = static_cast<double>(evictions_before_ + (buckets_ ? buckets_->evictions() : 0));
    evictions.metric.push_back(std::move(metric));
    return {std::move(evictions)};
}

}  // namespace gatehouse::gateway
