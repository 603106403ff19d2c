// SPDX-License-Identifier: Apache-2.0
#include "app/public_side.hpp"

namespace gatehouse::app {

std::shared_ptr<http::TlsServer> make_tls_server(const Config& config, const RoleSet& roles)
{
    const gateway::TlsConfig& tls = config.gateway.tls;
    if (!roles.has(Role::gateway) || tls.listen.empty())
        return nullptr;
    return std::make_shared<http::TlsServer>(
        http::TlsServerOptions{.certificates = tls.certificates, .version_min = tls.version_min, .http2 = true});
}

std::shared_ptr<http::PublicSide> make_public_side(const Config& config, const RoleSet& roles)
{
    const gateway::Config& gateway = config.gateway;
    std::size_t limit = gateway.connections_per_address_max;
    if (!roles.has(Role::gateway) || (limit == 0 && !gateway.proxy_protocol))
        return nullptr;
    auto side = std::make_shared<http::PublicSide>();
    side->trusted_proxies = http::AddressRanges(gateway.trusted_proxies);
    side->proxy_protocol = gateway.proxy_protocol;
    if (limit > 0)
        side->limit = std::make_unique<http::AddressLimit>(limit);
    return side;
}

}  // namespace gatehouse::app
