// SPDX-License-Identifier: Apache-2.0
// Which request goes where, and who may send it. Built from our roles' own routes and the configured ones, anew for
// each generation of the configuration; read-only after that: any thread.
#pragma once

#include "gateway/config.hpp"
#include "gateway/upstream_set.hpp"
#include "http/upstream.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

struct Route {
    std::string name;                    // the template, for logs and metrics: "/files/{id}", "/orders/*"
    std::vector<std::string> methods;    // empty: all; "GET" takes HEAD too
    std::vector<std::string> segments;   // "{...}" stands for any one segment
    bool prefix = false;                 // more segments may follow
    http::Upstream* upstream = nullptr;  // null in the table for other proxies
    Authentication authentication = Authentication::required;
    std::string permission;
    std::uint64_t body_bytes_max = 0;
    StalePolicy revocation_stale = StalePolicy::allow;
    bool strip_prefix = false;
    bool preserve_host = false;
    http::Balance balance = http::Balance::round_robin;
    std::vector<std::string> upgrade;    // protocols that a connection may change to
    bool external_callers = false;       // users of other issuers may come: a configured route
    bool keeps_session_cookies = false;  // the console's own endpoints
    bool own_role = false;               // not a user's service: it believes us who the client is
    std::size_t index = 0;               // in the table, for what is kept per route

    bool takes(std::string_view method) const;
};

// The roles' upstreams that the built-in routes name.
struct RoleUpstreams {
    http::Upstream& auth;
    http::Upstream& files;
    http::Upstream& console;
};

class RouteTable final {
public:
    // Throws std::runtime_error for a configured route that stands twice or takes a built-in path. An upstream whose
    // settings are those of one in `previous` is that one.
    RouteTable(const Config& config, RoleUpstreams roles, PerThread<http::Client>& clients,
               const RouteTable* previous = nullptr);

    // What other proxies may ask about (forward_auth.hpp): the configured routes, which have no upstream here. None of
    // the built-in ones: those are never served by another proxy alone, and some of them let everybody in.
    explicit RouteTable(const Config& config);

    struct Match {
        const Route* route = nullptr;  // nullptr: nothing of that path, or, with `allow`, not that method
        std::string allow;             // the methods that the path would take
    };
    // `path` in normal form (path.hpp). Exact routes win over prefixes, longer prefixes over shorter ones.
    Match match(std::string_view method, std::string_view path) const;

    const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
    // Of the configured routes; null in the table for other proxies.
    const UpstreamSet* upstreams() const { return upstreams_.get(); }

private:
    void add(Route route);
    static Route configured(const RouteConfig& entry, const Config& config);

    std::vector<std::unique_ptr<Route>> routes_;
    std::unique_ptr<const UpstreamSet> upstreams_;  // null in the table for other proxies
    // By first segment, the more specific ones first.
    std::map<std::string, std::vector<const Route*>, std::less<>> by_first_segment_;
};

// The first segments of the built-in routes: a configured route may not begin with one of them.
bool is_built_in_segment(std::string_view segment);

}  // namespace gatehouse::gateway
