// SPDX-License-Identifier: Apache-2.0
#include "gateway/route_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace gatehouse::gateway {

namespace {

enum class Role { auth, files, console };

struct BuiltIn {
    std::string_view methods;  // separated by spaces
    std::string_view path;     // a trailing "/*" takes everything below
    Role role;
    Authentication authentication;
    std::string_view permission;
    std::uint64_t body_bytes_max;  // 0: the configuration's
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
    {"GET", "/.well-known/jwks.json", Role::auth, none, "", form_bytes_max},
    {"GET", "/.well-known/openid-configuration", Role::auth, none, "", form_bytes_max},
    {"GET", "/.well-known/oauth-authorization-server", Role::auth, none, "", form_bytes_max},
    {"POST", "/upload", Role::files, required, "files:write", 0},
    {"GET", "/files", Role::files, required, "files:read", form_bytes_max},
    {"GET", "/files/{id}", Role::files, required, "files:read", form_bytes_max},
    {"DELETE", "/files/{id}", Role::files, required, "files:write", form_bytes_max},
    {"GET", "/files/{id}/content", Role::files, required, "files:read", form_bytes_max},
    {"GET", "/download", Role::files, required, "files:read", form_bytes_max},
};

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    while (!text.empty()) {
        std::size_t end = std::min(text.find(separator), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

// Segments of "/a/b"; "/" has none, and a trailing slash adds none.
std::vector<std::string> split_path(std::string_view path) { return split(path.substr(1), '/'); }

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

bool fits(const Route& route, std::string_view path)
{
    std::string_view rest = path.substr(1);
    std::size_t left = route.segments.size();
    for (const std::string& expected : route.segments) {
        if (rest.empty())
            return false;
        --left;
        std::size_t end = std::min(rest.find('/'), rest.size());
        std::string_view segment = rest.substr(0, end);
        if (!is_parameter(expected) && segment != expected)
            return false;
        bool slash_follows = end < rest.size();
        rest.remove_prefix(std::min(end + 1, rest.size()));
        // "/files/" is not "/files": the roles' routers would not take it either.
        if (slash_follows && rest.empty())
            return route.prefix && left == 0;
    }
    return route.prefix || rest.empty();
}

std::string_view first_segment(std::string_view path)
{
    std::string_view rest = path.substr(1);
    return rest.substr(0, rest.find('/'));
}

}  // namespace

bool Route::takes(std::string_view method) const
{
    if (methods.empty())
        return true;
    for (const std::string& candidate : methods)
        if (candidate == method || (candidate == "GET" && method == "HEAD"))
            return true;
    return false;
}

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
    : upstreams_(std::make_unique<UpstreamSet>(config, clients, previous ? previous->upstreams_.get() : nullptr))
{
    for (const BuiltIn& entry : built_ins) {
        Route route;
        route.name = entry.path;
        route.prefix = entry.path.ends_with("/*");
        route.methods = split(entry.methods, ' ');
        route.segments = split_path(route.prefix ? entry.path.substr(0, entry.path.size() - 2) : entry.path);
        route.authentication = entry.authentication;
        route.permission = entry.permission;
        route.body_bytes_max = entry.body_bytes_max != 0 ? entry.body_bytes_max : config.body_bytes_max;
        route.revocation_stale = config.revocation_stale;
        route.keeps_session_cookies = entry.role == Role::console;
        route.own_role = true;
        route.upstream = entry.role == Role::auth    ? &roles.auth
                         : entry.role == Role::files ? &roles.files
                                                     : &roles.console;
        add(std::move(route));
    }
    for (const RouteConfig& entry : config.routes) {
        if (entry.forward_auth)
            continue;
        if (is_built_in_segment(first_segment(entry.path)))
            throw std::runtime_error(fmt::format("gateway.routes: {} belongs to Gatehouse itself", entry.path));
        Route route = configured(entry, config);
        route.upstream = &upstreams_->find(entry);
        route.balance = upstreams_->config_of(entry).options.balance;
        add(std::move(route));
    }
}

RouteTable::RouteTable(const Config& config)
{
    for (const RouteConfig& entry : config.routes)
        add(configured(entry, config));
}

Route RouteTable::configured(const RouteConfig& entry, const Config& config)
{
    Route route;
    route.name = entry.path == "/" ? "/*" : entry.path + "/*";
    route.prefix = true;
    route.methods = entry.methods;
    route.segments = split_path(entry.path);
    route.authentication = entry.authentication;
    route.permission = entry.permission;
    route.body_bytes_max = entry.body_bytes_max != 0 ? entry.body_bytes_max : config.body_bytes_max;
    route.revocation_stale = entry.revocation_stale;
    route.strip_prefix = entry.strip_prefix;
    route.preserve_host = entry.preserve_host;
    route.upgrade = entry.upgrade;
    route.external_callers = true;
    return route;
}

void RouteTable::add(Route route)
{
    for (const auto& other : routes_)
        if (other->segments == route.segments && other->prefix == route.prefix &&
            !(other->upstream && other->upstream->in_process()) &&
            (other->methods.empty() || route.methods.empty() ||
             std::ranges::find_first_of(other->methods, route.methods) != other->methods.end()))
            throw std::runtime_error(fmt::format("gateway.routes: {} stands twice for the same method", route.name));
    route.index = routes_.size();
    routes_.push_back(std::make_unique<Route>(std::move(route)));
    const Route* added = routes_.back().get();
    auto& bucket = by_first_segment_[added->segments.empty() ? "" : added->segments.front()];
    bucket.push_back(added);
    auto more_specific = [](const Route* a, const Route* b) {
        if (a->prefix != b->prefix)
            return b->prefix;
        if (a->segments.size() != b->segments.size())
            return a->segments.size() > b->segments.size();
        return a->index < b->index;
    };
    std::ranges::sort(bucket, more_specific);
}

RouteTable::Match RouteTable::match(std::string_view method, std::string_view path) const
{
    Match result;
    auto look_in = [&](std::string_view segment) {
        auto bucket = by_first_segment_.find(segment);
        if (bucket == by_first_segment_.end())
            return false;
        for (const Route* route : bucket->second) {
            if (!fits(*route, path))
                continue;
            if (route->takes(method)) {
                result.route = route;
                return true;
            }
            for (const std::string& allowed : route->methods)
                result.allow += (result.allow.empty() ? "" : ", ") + allowed;
        }
        return false;
    };
    std::string_view first = first_segment(path);
    if (!look_in(first) && !first.empty() && result.allow.empty())
        look_in("");  // a route for "/", if one is configured
    return result;
}

}  // namespace gatehouse::gateway
