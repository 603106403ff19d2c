// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.hpp"

#include "gateway/issuers.hpp"
#include "gateway/pipeline.hpp"
#include "gateway/route_table.hpp"

namespace gatehouse::gateway {

class Gateway::Impl {
public:
    Impl(Config config, Needs needs)
        : config_(std::move(config)), routes_(config_, {needs.auth, needs.files, needs.console}, needs.clients),
          stale_revocations_(config_, needs.revocations, needs.auth, needs.service_key), asked_routes_(config_),
          issuers_(config_.issuers, needs.authenticators.size(), needs.revocations, needs.clock),
          pipeline_(config_, routes_, asked_routes_, needs.authenticators, issuers_, needs.revocations,
                    stale_revocations_, needs.service_key, needs.metrics)
    {
    }

    Pipeline& pipeline() { return pipeline_; }
    Issuers& issuers() { return issuers_; }

private:
    Config config_;
    RouteTable routes_;
    StaleRevocations stale_revocations_;
    RouteTable asked_routes_;  // by other proxies
    Issuers issuers_;
    Pipeline pipeline_;
};

Gateway::Gateway(Config config, Needs needs) : impl_(std::make_unique<Impl>(std::move(config), needs)) {}

Gateway::~Gateway() = default;

http::Handler Gateway::handler()
{
    Pipeline& pipeline = impl_->pipeline();
    return [&pipeline](http::Request& request) { return pipeline.handle(request); };
}

std::vector<Task<void>> Gateway::background() { return impl_->issuers().fetchers(); }
void Gateway::interrupt() { impl_->issuers().interrupt(); }
void Gateway::stop() { impl_->issuers().stop(); }

}  // namespace gatehouse::gateway
