// SPDX-License-Identifier: Apache-2.0
// Which request goes where, and who may send it. Built from our roles' own routes and the configured ones, anew for
// each generation of the configuration; read-only after that: any thread.
#pragma once

#include "gateway/compression.hpp"
#include "gateway/config.hpp"
#include "gateway/cors.hpp"
#include "gateway/header_edits.hpp"
#include "gateway/maintenance.hpp"
#include "gateway/path_rewrite.hpp"
#include "gateway/rate_limit.hpp"
#include "gateway/route_index.hpp"
#include "gateway/route_pattern.hpp"
#include "gateway/upstream_set.hpp"
#include "http/upstream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

struct Route : RoutePattern {
    std::string name;                    // the template, for logs and metrics: "/files/{id}", "/orders/*"
    http::Upstream* upstream = nullptr;  // null in the table for other proxies
    Authentication authentication = Authentication::required;
    std::string permission;
    std::uint64_t body_bytes_max = 0;
    StalePolicy revocation_stale = StalePolicy::allow;
    bool preserve_host = false;
    http::Balance balance = http::Balance::round_robin;
    std::vector<std::string> upgrade;  // protocols that a connection may change to
    std::optional<PathRewrite> rewrite;
    const RateLimit* rate_limit = nullptr;  // its own, or the gateway's; null: none
    std::unique_ptr<const Cors> cors;
    HeaderEdits request_edits;
    HeaderEdits response_edits;
    std::optional<Maintenance> maintenance;
    std::optional<Compression> compression;
    bool external_callers = false;       // users of other issuers may come: a configured route
    bool keeps_session_cookies = false;  // the console's own endpoints
    bool own_role = false;               // not a user's service: it believes us who the client is
    bool takes_links = false;            // with a signature in its query a request needs no token: the role judges it
    std::string own_endpoint;     // which of Gatehouse's own it is: "login", "files"; empty for a configured route
    bool own_rate_limit = false;  // `rate_limit` is the route's, not the gateway's
    std::size_t index = 0;        // in the table, for what is kept per route
};

// The roles' upstreams that the built-in routes name.
struct RoleUpstreams {
    http::Upstream& auth;
    http::Upstream& files;
    http::Upstream& console;
    http::Upstream* gateway = nullptr;  // this role itself
    http::Upstream* process = nullptr;  // what answers for the process as a whole
};

class RouteTable final {
public:
    // Throws std::runtime_error for a configured route that contradicts another or takes a built-in path. An upstream
    // whose settings are those of one in `previous` is that one, and the buckets of rate limits go on as they are.
    RouteTable(const Config& config, RoleUpstreams roles, PerThread<http::Client>& clients,
               const RouteTable* previous = nullptr);

    // What other proxies may ask about (forward_auth.hpp): the configured routes, without upstreams and policies. None
    // of the built-in ones: those are never served by another proxy alone, and some of them let everybody in.
    explicit RouteTable(const Config& config);

    struct Match {
        const Route* route = nullptr;  // nullptr: nothing of that path, or, with `allow`, not that method
        std::string allow;             // the methods that the path would take
    };
    // The first in order (route_pattern.hpp) of those that take it.
    Match match(const RouteQuestion& question) const;
    Match match(std::string_view method, std::string_view path) const { return match({method, path}); }

    // Whether any route names hosts: without one the host need not be known.
    bool has_hosts() const { return !hosts_.empty(); }

    const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
    // Of the configured routes; null in the table for other proxies.
    const UpstreamSet* upstreams() const { return upstreams_.get(); }
    // What rate limits count in; null in the table for other proxies.
    std::shared_ptr<const RateBuckets> buckets() const { return buckets_; }

private:
    void add(Route route);
    void build_index();
    const Route* find(const RouteQuestion& question) const;
    std::vector<const Route*> find_by_path(const RouteQuestion& question) const;
    template <class Visit>
    void visit_indexes(std::string_view host, Visit visit) const;
    static Route configured(const RouteConfig& entry, const Config& config);
    static void set_policies(Route& route, const RouteConfig& entry);
    const RateLimit* limit(const RateLimitConfig& config, std::string_view name, std::string_view policy);
    const RateLimit* limit_of(const Route& route, const RateLimitConfig& own, const Config& config);

    std::vector<std::unique_ptr<Route>> routes_;
    std::unique_ptr<const UpstreamSet> upstreams_;  // null in the table for other proxies
    std::shared_ptr<RateBuckets> buckets_;
    std::vector<std::unique_ptr<RateLimit>> rate_limits_;
    const RateLimit* default_limit_ = nullptr;
    StringMap<RouteIndex> hosts_;  // "shop.example.com", or ".example.com" for "*.example.com"
    RouteIndex any_host_{std::vector<const Route*>{}};
};

// The first segments of the built-in routes: a configured route may not begin with one of them.
bool is_built_in_segment(std::string_view segment);

}  // namespace gatehouse::gateway
