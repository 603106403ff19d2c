// SPDX-License-Identifier: Apache-2.0
// The figures of the requests that the gateway answered, by route. Any I/O thread.
#pragma once

#include "base/metrics.hpp"
#include "gateway/route_table.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace gatehouse::gateway {

class RequestMetrics final {
public:
    // Both outlive it.
    RequestMetrics(const RouteTable& routes, Metrics& metrics);
    ~RequestMetrics();

    // `route` is null for a request that matched none.
    void count(const Route* route, int status, std::chrono::steady_clock::duration took);

private:
    // Counters and histogram of each route by Route::index; the last one is for requests that matched none.
    struct RouteFigures;
    std::vector<std::unique_ptr<RouteFigures>> figures_;
};

}  // namespace gatehouse::gateway
