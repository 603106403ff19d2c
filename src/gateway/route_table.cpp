// SPDX-License-Identifier: Apache-2.0
#include "gateway/route_table.hpp"

#include "base/text.hpp"
#include "gateway/host.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

namespace gatehouse::gateway {

namespace {

enum class Role { auth, files, console, gateway, process };

struct BuiltIn {
    std::string_view methods;  // separated by spaces
    std::string_view path;     // a trailing "/*" takes everything below
    Role role;
    Authentication authentication;
    std::string_view permission;
    std::uint64_t body_bytes_max;  // 0: the configuration's
    bool takes_links = false;
};

constexpr std::uint64_t form_bytes_max = 64 * 1024;
constexpr auto none = Authentication::none;
constexpr auto required = Authentication::required;

// The roles behind verify the token and the permission again; what stands here refuses early and without a hop.
constexpr BuiltIn built_ins[] = {
    {"GET", "/openapi.json", Role::console, none, "", form_bytes_max},
    {"GET", "/", Role::console, none, "", form_bytes_max},
    {"GET POST DELETE", "/console/*", Role::console, none, "", form_bytes_max},
    {"GET POST", "/setup", Role::auth, none, "", form_bytes_max},
    {"POST", "/login", Role::auth, none, "", form_bytes_max},
    {"POST", "/refresh", Role::auth, none, "", form_bytes_max},
    {"POST", "/logout", Role::auth, none, "", form_bytes_max},  // with a token that is over, too
    {"GET POST", "/validate", Role::auth, required, "", form_bytes_max},
    {"POST", "/register", Role::auth, none, "", form_bytes_max},
    {"POST", "/verify-email", Role::auth, none, "", form_bytes_max},
    {"POST", "/forgot-password", Role::auth, none, "", form_bytes_max},
    {"POST", "/reset-password", Role::auth, none, "", form_bytes_max},
    {"GET PATCH", "/profile", Role::auth, required, "", form_bytes_max},
    {"POST DELETE", "/profile/totp", Role::auth, required, "", form_bytes_max},
    {"POST", "/profile/totp/confirm", Role::auth, required, "", form_bytes_max},
    {"POST", "/profile/password", Role::auth, required, "", form_bytes_max},
    {"GET DELETE", "/profile/sessions", Role::auth, required, "", form_bytes_max},
    {"DELETE", "/profile/sessions/{id}", Role::auth, required, "", form_bytes_max},
    {"GET DELETE", "/admin/sessions", Role::auth, required, "admin:sessions", form_bytes_max},
    {"DELETE", "/admin/sessions/{id}", Role::auth, required, "admin:sessions", form_bytes_max},
    {"GET POST", "/admin/users", Role::auth, required, "admin:users", form_bytes_max},
    {"GET PATCH DELETE", "/admin/users/{id}", Role::auth, required, "admin:users", form_bytes_max},
    {"GET POST", "/admin/roles", Role::auth, required, "admin:roles", form_bytes_max},
    {"GET PUT DELETE", "/admin/roles/{name}", Role::auth, required, "admin:roles", form_bytes_max},
    {"GET", "/admin/audit", Role::auth, required, "admin:audit", form_bytes_max},
    {"GET", "/admin/dead", Role::auth, required, "admin:dead", form_bytes_max},
    {"GET DELETE", "/admin/dead/{id}", Role::auth, required, "admin:dead", form_bytes_max},
    {"POST", "/admin/dead/{id}/retry", Role::auth, required, "admin:dead", form_bytes_max},
    {"GET", "/admin/requests/{id}", Role::gateway, required, "admin:requests", form_bytes_max},
    {"GET", "/admin/routes", Role::gateway, required, "admin:routes", form_bytes_max},
    {"GET", "/admin/explain", Role::gateway, required, "admin:routes", form_bytes_max},
    {"GET", "/admin/config", Role::process, required, "admin:config", form_bytes_max},
    {"GET", "/admin/mails", Role::process, required, "admin:*", form_bytes_max},
    {"GET", "/admin/mails/{id}", Role::process, required, "admin:*", form_bytes_max},
    {"GET", "/admin/status", Role::process, required, "admin:status", form_bytes_max},
    {"GET", "/.well-known/jwks.json", Role::auth, none, "", form_bytes_max},
    {"GET", "/.well-known/openid-configuration", Role::auth, none, "", form_bytes_max},
    {"GET", "/.well-known/oauth-authorization-server", Role::auth, none, "", form_bytes_max},
    {"POST", "/upload", Role::files, required, "files:write", 0},
    {"POST HEAD PATCH DELETE", "/uploads/*", Role::files, required, "files:write", 0},
    {"OPTIONS", "/uploads/*", Role::files, none, "", form_bytes_max},
    {"GET", "/files", Role::files, required, "files:read", form_bytes_max},
    {"GET", "/files/usage", Role::files, required, "files:read", form_bytes_max},
    {"GET", "/admin/usage", Role::files, required, "admin:users", form_bytes_max},
    {"GET", "/files/{id}", Role::files, required, "files:read", form_bytes_max},
    {"DELETE", "/files/{id}", Role::files, required, "files:write", form_bytes_max},
    {"GET", "/files/{id}/content", Role::files, required, "files:read", form_bytes_max, true},
    {"POST", "/files/{id}/restore", Role::files, required, "files:write", form_bytes_max},
    {"POST DELETE", "/files/{id}/links", Role::files, required, "files:read", form_bytes_max},
    {"GET", "/download", Role::files, required, "files:read", form_bytes_max},
    {"GET", "/events", Role::files, required, "files:read", form_bytes_max},
};

std::string_view first_segment(std::string_view path)
{
    std::string_view rest = path.substr(1);
    return rest.substr(0, rest.find('/'));
}

// "login" of "/login", "files" of "/files/{id}/content".
std::string endpoint_name(std::string_view path)
{
    std::string_view first = first_segment(path);
    if (first.empty())
        return "console";
    return std::string(first == ".well-known" ? "discovery" : first);
}

}  // namespace

bool is_built_in_segment(std::string_view segment)
{
    // "/" alone is the console's, everything below it may be a user's.
    if (segment.empty())
        return false;
    return segment == "internal" ||
           std::ranges::any_of(built_ins, [&](const BuiltIn& entry) { return segment == first_segment(entry.path); });
}

RouteTable::RouteTable(const Config& config, RoleUpstreams roles, PerThread<http::Client>& clients,
                       const RouteTable* previous)
    : upstreams_(std::make_unique<UpstreamSet>(config, clients, previous ? previous->upstreams_.get() : nullptr)),
      buckets_(previous && previous->buckets_->size() == config.rate_limit_buckets
                   ? previous->buckets_
                   : std::make_shared<RateBuckets>(config.rate_limit_buckets))
{
    for (const BuiltIn& entry : built_ins) {
        if ((entry.role == Role::gateway && !roles.gateway) || (entry.role == Role::process && !roles.process))
            continue;
        Route route;
        route.name = entry.path;
        route.prefix = entry.path.ends_with("/*");
        route.methods = split_words(entry.methods);
        route.segments = split_path(route.prefix ? entry.path.substr(0, entry.path.size() - 2) : entry.path);
        route.authentication = entry.authentication;
        route.permission = entry.permission;
        route.body_bytes_max = entry.body_bytes_max != 0 ? entry.body_bytes_max : config.body_bytes_max;
        route.revocation_stale = config.revocation_stale;
        route.keeps_session_cookies = entry.role == Role::console;
        route.own_role = true;
        route.takes_links = entry.takes_links;
        route.own_endpoint = endpoint_name(entry.path);
        route.upstream = entry.role == Role::auth      ? &roles.auth
                         : entry.role == Role::files   ? &roles.files
                         : entry.role == Role::gateway ? roles.gateway
                         : entry.role == Role::process ? roles.process
                                                       : &roles.console;
        route.rate_limit = limit_of(route, {}, config);
        add(std::move(route));
    }
    for (const RouteConfig& entry : config.routes) {
        if (entry.forward_auth)
            continue;
        if (entry.hosts.empty() && is_built_in_segment(first_segment(entry.path)))
            throw std::runtime_error(fmt::format("gateway.routes: {} belongs to Gatehouse itself", entry.path));
        Route route = configured(entry, config);
        route.upstream = &upstreams_->find(entry);
        route.balance = upstreams_->config_of(entry).options.balance;
        route.rate_limit = limit_of(route, entry.rate_limit, config);
        route.own_rate_limit = route.rate_limit && entry.rate_limit.requests != 0;
        set_policies(route, entry);
        add(std::move(route));
    }
    build_index();
}

RouteTable::RouteTable(const Config& config)
{
    for (const RouteConfig& entry : config.routes)
        add(configured(entry, config));
    build_index();
}

Route RouteTable::configured(const RouteConfig& entry, const Config& config)
{
    Route route;
    static_cast<RoutePattern&>(route) = pattern_of(entry);
    route.name = name_of(route);
    route.authentication = entry.authentication;
    route.permission = entry.permission;
    route.body_bytes_max = entry.body_bytes_max != 0 ? entry.body_bytes_max : config.body_bytes_max;
    route.revocation_stale = entry.revocation_stale;
    route.preserve_host = entry.preserve_host;
    route.upgrade = entry.upgrade;
    if (entry.strip_prefix)
        route.rewrite.emplace(route, "/");
    else if (!entry.rewrite.empty())
        route.rewrite.emplace(route, entry.rewrite);
    route.external_callers = true;
    return route;
}

void RouteTable::set_policies(Route& route, const RouteConfig& entry)
{
    if (!entry.cors.origins.empty())
        route.cors = std::make_unique<Cors>(entry.cors, entry.methods);
    route.request_edits = HeaderEdits(entry.request_headers);
    route.response_edits = HeaderEdits(entry.response_headers);
    if (entry.maintenance.enabled)
        route.maintenance.emplace(entry.maintenance);
    if (entry.compression.enabled)
        route.compression.emplace(entry.compression);
}

const RateLimit* RouteTable::limit(const RateLimitConfig& config, std::string_view name, std::string_view policy)
{
    return rate_limits_.emplace_back(std::make_unique<RateLimit>(config, name, policy, *buckets_)).get();
}

// A route's own limit counts for itself. The gateway's counts all routes that have none together, but with the key
// `route` each of them.
const RateLimit* RouteTable::limit_of(const Route& route, const RateLimitConfig& own, const Config& config)
{
    constexpr std::string_view names[] = {"address", "user", "route"};
    if (own.key == RateLimitKey::none)
        return nullptr;
    // What tells routes apart, and stays the same when other routes come and go.
    std::string policy = fmt::format("{} {}", fmt::join(route.methods, ","), route.name);
    for (const FieldPattern& field : route.fields)
        policy += fmt::format(" {}={}", field.name, field.value.value_or(""));
    if (own.requests != 0)
        return limit(own, names[static_cast<std::size_t>(own.key)], policy);
    if (config.rate_limit.requests == 0)
        return nullptr;
    if (config.rate_limit.key == RateLimitKey::route)
        return limit(config.rate_limit, "default", policy);
    if (!default_limit_)
        default_limit_ = limit(config.rate_limit, "default", "default");
    return default_limit_;
}

void RouteTable::add(Route route)
{
    for (const auto& other : routes_)
        if (!other->own_role && contradict(*other, route))
            throw std::runtime_error(fmt::format("gateway.routes: {} stands twice for the same requests", route.name));
    route.index = routes_.size();
    routes_.push_back(std::make_unique<Route>(std::move(route)));
}

void RouteTable::build_index()
{
    StringMap<std::vector<const Route*>> by_host;
    std::vector<const Route*> any_host;
    for (const auto& route : routes_) {
        if (route->hosts.empty())
            any_host.push_back(route.get());
        for (const std::string& host : route->hosts)
            by_host[host.substr(host.starts_with('*') ? 1 : 0)].push_back(route.get());
    }
    for (auto& [host, routes] : by_host)
        hosts_.emplace(host, std::move(routes));
    any_host_ = RouteIndex(std::move(any_host));
}

// Visits the routes of a host, the more specific ones first, until `visit` returns true.
template <class Visit>
void RouteTable::visit_indexes(std::string_view host, Visit visit) const
{
    if (has_hosts() && !host.empty()) {
        HostBuffer buffer;
        std::string_view name = normalize_host(host, buffer);
        for (std::size_t at = 0; at < name.size(); at = name.find('.', at + 1)) {
            auto found = hosts_.find(name.substr(at));
            if (found != hosts_.end() && visit(found->second))
                return;
        }
    }
    visit(any_host_);
}

const Route* RouteTable::find(const RouteQuestion& question) const
{
    const Route* found = nullptr;
    visit_indexes(question.host, [&](const RouteIndex& index) {
        found = index.find(question);
        return found != nullptr;
    });
    return found;
}

std::vector<const Route*> RouteTable::find_by_path(const RouteQuestion& question) const
{
    std::vector<const Route*> found;
    visit_indexes(question.host, [&](const RouteIndex& index) {
        index.find_by_path(question, found);
        return false;
    });
    return found;
}

RouteTable::Match RouteTable::match(const RouteQuestion& question) const
{
    Match result;
    if (!question.path.starts_with('/'))  // "*"
        return result;
    result.route = find(question);
    // A route for "/" takes what is left, but not other methods of Gatehouse's own paths.
    if (result.route && !(result.route->prefix && result.route->segments.empty() && result.route->hosts.empty()))
        return result;
    for (const Route* other : find_by_path(question)) {
        if (result.route && !other->own_role)
            continue;
        for (const std::string& method : other->methods)
            result.allow += (result.allow.empty() ? "" : ", ") + method;
    }
    if (!result.allow.empty())
        result.route = nullptr;
    return result;
}

}  // namespace gatehouse::gateway
