// SPDX-License-Identifier: Apache-2.0
#include "gateway/upstream_set.hpp"

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

std::vector<http::WeightedEndpoint> endpoints_of(const UpstreamConfig& config)
{
    std::vector<http::WeightedEndpoint> endpoints;
    for (const UpstreamEndpointConfig& entry : config.endpoints) {
        auto endpoint = http::parse_endpoint(entry.url);
        if (!endpoint)
            throw std::runtime_error(fmt::format("{}: not an upstream URL: {}", config.name, entry.url));
        endpoints.push_back({std::move(*endpoint), static_cast<unsigned>(entry.weight)});
    }
    if (endpoints.empty())
        throw std::runtime_error(fmt::format("{}: no upstream is named", config.name));
    return endpoints;
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
    auto find = [&](const std::vector<Entry>& entries) -> std::shared_ptr<http::Upstream> {
        auto same = std::ranges::find(entries, config, &Entry::config);
        return same == entries.end() ? nullptr : same->upstream;
    };
    if (find(entries_))
        return;
    auto upstream = before ? find(before->entries_) : nullptr;
    if (!upstream)
        upstream = std::make_shared<http::Upstream>(config.name, endpoints_of(config), config.options, clients);
    entries_.push_back({std::move(config), std::move(upstream)});
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
