// SPDX-License-Identifier: Apache-2.0
// What the metrics say of the table that rate limits count in. Any thread.
#pragma once

#include "base/metrics.hpp"
#include "gateway/rate_buckets.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace gatehouse::gateway {

class RateLimitMetrics final : public prometheus::Collectable {
public:
    // Of the newest configuration; the count goes on from that of the table before.
    void show(std::shared_ptr<const RateBuckets> buckets);
    std::vector<prometheus::MetricFamily> Collect() const override;

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const RateBuckets> buckets_;
    std::uint64_t evictions_before_ = 0;  // of the tables before it
};

}  // namespace gatehouse::gateway
