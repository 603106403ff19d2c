// SPDX-License-Identifier: Apache-2.0
#include "app/listeners.hpp"

#include <limits>
#include <stdexcept>

namespace gatehouse::app {

namespace {

std::shared_ptr<http::TlsServer> make_tls_server(const gateway::Config& gateway)
{
    const gateway::TlsConfig& tls = gateway.tls;
    if (tls.listen.empty())
        return nullptr;
    return std::make_shared<http::TlsServer>(http::TlsServerOptions{
        .certificates = tls.certificates, .version_min = tls.version_min, .http2 = gateway.http2.enabled});
}

// Null when nothing of it is wished.
std::shared_ptr<http::PublicSide> make_public_side(const gateway::Config& gateway)
{
    std::size_t limit = gateway.connections_per_address_max;
    if (limit == 0 && !gateway.proxy_protocol)
        return nullptr;
    auto side = std::make_shared<http::PublicSide>();
    side->set_trusted_proxies(http::AddressRanges(gateway.trusted_proxies));
    side->proxy_protocol = gateway.proxy_protocol;
    if (limit > 0)
        side->limit = std::make_unique<http::AddressLimit>(limit);
    return side;
}

}  // namespace

http::ServerOptions server_options(std::string name, const ListenAddress& address)
{
    http::ServerOptions options;
    options.name = std::move(name);
    options.address = address.host;
    options.port = address.port;
    return options;
}

Listeners::Listeners(Config& config, const RoleSet& roles, IoThreads& threads) : config_(config), threads_(threads)
{
    if (roles.has(Role::gateway)) {
        public_side_ = make_public_side(config_.gateway);
        tls_ = make_tls_server(config_.gateway);
        http_ = bind(Role::gateway, config_.gateway.listen);
        https_ = bind(Role::gateway, config_.gateway.tls.listen, tls_);
    }
    complete_urls();
    // In a process with all roles nobody else calls them.
    if (!roles.complete() && roles.has(Role::auth))
        auth_ = bind(Role::auth, config_.auth.listen);
    if (!roles.complete() && roles.has(Role::files))
        files_ = bind(Role::files, config_.files.listen);
}

std::unique_ptr<LateServer> Listeners::bind(Role role, const std::string& listen, std::shared_ptr<http::TlsServer> tls)
{
    if (listen.empty())
        return nullptr;
    auto address = *parse_listen_address(listen);
    auto options = server_options(std::string(to_string(role)), address);
    options.body_bytes_max = config_.gateway.body_bytes_max;
    if (role == Role::gateway) {
        // The gateway's routes have limits of their own, which a reload may raise.
        options.body_bytes_max = std::numeric_limits<std::uint64_t>::max();
        options.assign_request_ids = false;
        options.http2.cleartext = config_.gateway.http2.cleartext;
        options.shared_port = config_.gateway.reuse_port;
        options.handshake_timeout = config_.gateway.tls.handshake_timeout;
        options.public_side = public_side_;
    }
    std::string_view scheme = tls ? "https" : "http";
    options.tls = std::move(tls);
    auto server = std::make_unique<LateServer>(threads_, std::move(options));
    address.port = server->port();
    addresses_.push_back({std::string(to_string(role)), address, scheme});
    return server;
}

void Listeners::complete_urls()
{
    std::string& url = config_.gateway.public_url;
    if (url.empty()) {
        const std::string& secure = config_.gateway.tls.listen;
        // Where there is a gateway, the last one bound is the secure one, if there is any.
        auto address = addresses_.empty() ? *parse_listen_address(secure.empty() ? config_.gateway.listen : secure)
                                          : addresses_.back().address;
        url = local_url(address, secure.empty() ? "http" : "https");
    }
    if (config_.auth.issuer.empty())
        config_.auth.issuer = url;
}

void Listeners::begin_reload(const gateway::Config& gateway)
{
    if (public_side_ && public_side_->proxy_protocol && gateway.trusted_proxies.empty())
        throw std::runtime_error("gateway.trusted_proxies: must not become empty while gateway.proxy_protocol is in "
                                 "force, which ends at the next start");
    if (tls_)
        tls_->reload(gateway.tls.certificates);
}

void Listeners::trust(const std::vector<std::string>& proxies)
{
    if (public_side_)
        public_side_->set_trusted_proxies(http::AddressRanges(proxies));
}

std::vector<std::pair<const char*, LateServer*>> Listeners::servers() const
{
    std::vector<std::pair<const char*, LateServer*>> result{
        {"gateway", http()}, {"gateway_tls", https()}, {"auth", auth()}, {"files", files()}};
    std::erase_if(result, [](const auto& entry) { return !entry.second; });
    return result;
}

}  // namespace gatehouse::app
