// SPDX-License-Identifier: Apache-2.0
// Everything that the gateway derives from one configuration. A reload makes the next generation; requests that began
// in an older one end in it.
//
// Nothing of it changes once it is built. It goes when its last request has been answered, on that request's I/O
// thread: so no destructor in here may block. What should outlive a reload (upstreams with unchanged settings) is taken
// over from the previous generation, and is shared with it.
#pragma once

#include "gateway/config.hpp"
#include "gateway/gateway.hpp"
#include "gateway/pipeline.hpp"
#include "gateway/route_table.hpp"
#include "gateway/stale_revocations.hpp"

#include <boost/smart_ptr/local_shared_ptr.hpp>

#include <memory>

namespace gatehouse::gateway {

class Generation final {
public:
    // Throws std::runtime_error for routes that contradict each other. `previous` may be null.
    Generation(Config config, const Gateway::Needs& needs, Issuers& issuers, PerThread<Overload>& overload,
               PerThread<RecentRequests>& recent, http::Upstream& own, const Generation* previous)
        : config_(std::move(config)), routes_(config_, {needs.auth, needs.files, needs.console, &own, needs.process},
                                              needs.clients, previous ? &previous->routes_ : nullptr),
          asked_routes_(config_), stale_revocations_(config_, needs.revocations, needs.auth, needs.service_key),
          pipeline_(config_, routes_, asked_routes_, needs.authenticators, issuers, needs.revocations,
                    stale_revocations_, needs.service_key, overload, recent, needs.metrics, needs.tracer)
    {
    }
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    Pipeline& pipeline() { return pipeline_; }
    const Config& config() const { return config_; }
    const RouteTable& routes() const { return routes_; }
    const UpstreamSet& upstreams() const { return *routes_.upstreams(); }
    std::shared_ptr<const RateBuckets> rate_buckets() const { return routes_.buckets(); }

private:
    Config config_;
    RouteTable routes_;
    RouteTable asked_routes_;  // by other proxies
    StaleRevocations stale_revocations_;
    Pipeline pipeline_;
};

// The generation that an I/O thread serves by. A request takes the pointer and keeps it; its count is the thread's own,
// so that threads share no cache line.
struct CurrentGeneration {
    boost::local_shared_ptr<Generation> generation;
};

}  // namespace gatehouse::gateway
