// SPDX-License-Identifier: Apache-2.0
// The users' own services that the configured routes lead to: the named ones, and one for each route that lists URLs.
// Read-only after it was built: any thread.
//
// A set made for a new configuration takes over what it finds unchanged in the one before: what is known of the
// endpoints' health and load goes on. The files of TLS are part of that: they are read for every set, and those who use
// a changed one begin anew.
#pragma once

#include "gateway/config.hpp"
#include "http/tls_client.hpp"
#include "http/upstream.hpp"

#include <memory>
#include <vector>

namespace gatehouse::gateway {

class UpstreamSet final {
public:
    // Throws std::runtime_error for a URL that is none, or a file of TLS that cannot be used.
    UpstreamSet(const Config& config, PerThread<http::Client>& clients, const UpstreamSet* before = nullptr);

    // Of a route that another proxy does not serve. Throws std::runtime_error when its name stands nowhere.
    const UpstreamConfig& config_of(const RouteConfig& route) const { return entry_of(route).config; }
    http::Upstream& find(const RouteConfig& route) const { return *entry_of(route).upstream; }

    struct Entry {
        UpstreamConfig config;
        std::shared_ptr<http::Upstream> upstream;
        std::shared_ptr<const http::TlsClient> tls;  // null without https://
    };
    const std::vector<Entry>& all() const { return entries_; }

private:
    const Entry& entry_of(const RouteConfig& route) const;
    void add(UpstreamConfig config, PerThread<http::Client>& clients, const UpstreamSet* before);

    std::shared_ptr<const http::TlsClient> tls_for(const UpstreamConfig& config, const UpstreamSet* before) const;

    std::vector<Entry> entries_;
};

}  // namespace gatehouse::gateway
