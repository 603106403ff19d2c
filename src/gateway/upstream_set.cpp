// SPDX-License-Identifier: Apache-2.0
#include "gateway/upstream_set.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace gatehouse::gateway {

namespace {

// The short form of a route, as a service of its own.
UpstreamConfig unnamed(const RouteConfig& route)
{
    UpstreamConfig config;
    config.name = route.path;
    for (const std::string& url : route.upstreams)
        config.endpoints.push_back({.url = url});
    return config;
}

bool is_secure(const UpstreamEndpointConfig& entry)
{
    auto endpoint = http::parse_endpoint(entry.url);
    return endpoint && endpoint->scheme == "https";
}

std::vector<http::WeightedEndpoint> endpoints_of(const UpstreamConfig& config,
                                                 const std::shared_ptr<const http::TlsClient>& tls)
{
    std::vector<http::WeightedEndpoint> endpoints;
    for (const UpstreamEndpointConfig& entry : config.endpoints) {
        auto endpoint = http::parse_endpoint(entry.url);
        if (!endpoint)
            throw std::runtime_error(fmt::format("{}: not an upstream URL: {}", config.name, entry.url));
        if (endpoint->scheme == "https")
            endpoint->tls = tls;
        endpoint->protocol = config.options.protocol;
        endpoints.push_back({std::move(*endpoint), static_cast<unsigned>(entry.weight)});
    }
    if (endpoints.empty())
        throw std::runtime_error(fmt::format("{}: no upstream is named", config.name));
    return endpoints;
}

// Those who trust the same and are the same: they share what was read, and their connections.
std::shared_ptr<const http::TlsClient> find_tls(const std::vector<UpstreamSet::Entry>& entries,
                                                const UpstreamConfig& config)
{
    auto same = std::ranges::find_if(
        entries, [&](const UpstreamSet::Entry& entry) { return entry.tls && entry.config.tls == config.tls; });
    return same == entries.end() ? nullptr : same->tls;
}

}  // namespace

UpstreamSet::UpstreamSet(const Config& config, PerThread<http::Client>& clients, const UpstreamSet* before)
{
    for (const UpstreamConfig& entry : config.upstreams)
        add(entry, clients, before);
    for (const RouteConfig& route : config.routes)
        if (!route.forward_auth && route.upstream.empty())
            add(unnamed(route), clients, before);
}

void UpstreamSet::add(UpstreamConfig config, PerThread<http::Client>& clients, const UpstreamSet* before)
{
    if (std::ranges::find(entries_, config, &Entry::config) != entries_.end())
        return;
    auto tls = tls_for(config, before);
    std::shared_ptr<http::Upstream> upstream;
    if (before) {
        auto same = std::ranges::find(before->entries_, config, &Entry::config);
        if (same != before->entries_.end() && same->tls == tls)
            upstream = same->upstream;
    }
    if (!upstream)
        upstream = std::make_shared<http::Upstream>(config.name, endpoints_of(config, tls), config.options, clients);
    entries_.push_back({std::move(config), std::move(upstream), std::move(tls)});
}

std::shared_ptr<const http::TlsClient> UpstreamSet::tls_for(const UpstreamConfig& config,
                                                            const UpstreamSet* before) const
{
    if (std::ranges::none_of(config.endpoints, is_secure))
        return nullptr;
    if (auto shared = find_tls(entries_, config))
        return shared;
    auto known = before ? find_tls(before->entries_, config) : nullptr;
    if (known && known->fingerprint() == http::TlsClient::fingerprint_of(config.tls))
        return known;
    if (known)
        log::info("gateway", "TLS files of a service have changed", {{"upstream", config.name}});
    try {
        return std::make_shared<http::TlsClient>(config.tls);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("{}: {}", config.name, error.what()));
    }
}

const UpstreamSet::Entry& UpstreamSet::entry_of(const RouteConfig& route) const
{
    auto found = route.upstream.empty() ? std::ranges::find(entries_, unnamed(route), &Entry::config)
                                        : std::ranges::find(entries_, route.upstream, [](const Entry& entry) {
                                              return std::string_view(entry.config.name);
                                          });
    if (found == entries_.end())
        throw std::runtime_error(fmt::format("{}: there is no upstream named {}", route.path, route.upstream));
    return *found;
}

}  // namespace gatehouse::gateway
