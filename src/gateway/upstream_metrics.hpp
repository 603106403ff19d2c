// SPDX-License-Identifier: Apache-2.0
// What the metrics and /admin/status say of the services behind the configured routes: of the newest configuration's
// alone. Any thread.
#pragma once

#include "base/json.hpp"
#include "base/metrics.hpp"
#include "http/endpoint_set.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace gatehouse::gateway {

class UpstreamMetrics final : public prometheus::Collectable {
public:
    void show(std::vector<std::shared_ptr<http::EndpointSet>> services);
    std::vector<prometheus::MetricFamily> Collect() const override;

    // [{name, endpoints: [{name, healthy, active_requests, ejections}]}], each service once.
    json::array states() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<http::EndpointSet>> services_;
};

}  // namespace gatehouse::gateway
