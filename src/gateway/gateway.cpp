// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.hpp"

#include "gateway/pipeline.hpp"
#include "gateway/route_table.hpp"

namespace gatehouse::gateway {

class Gateway::Impl {
public:
    Impl(Config config, Needs needs)
        : config_(std::move(config)), routes_(config_, {needs.auth, needs.files, needs.console}, needs.clients),
          stale_revocations_(config_, needs.revocations, needs.auth, needs.service_key), asked_routes_(config_),
          pipeline_(config_, routes_, asked_routes_, needs.authenticators, needs.revocations, stale_revocations_,
                    needs.metrics)
    {
    }

    Pipeline& pipeline() { return pipeline_; }

private:
    Config config_;
    RouteTable routes_;
    StaleRevocations stale_revocations_;
    RouteTable asked_routes_;  // by other proxies
    Pipeline pipeline_;
};

Gateway::Gateway(Config config, Needs needs) : impl_(std::make_unique<Impl>(std::move(config), needs)) {}

Gateway::~Gateway() = default;

http::Handler Gateway::handler()
{
    Pipeline& pipeline = impl_->pipeline();
    return [&pipeline](http::Request& request) { return pipeline.handle(request); };
}

}  // namespace gatehouse::gateway
