// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configured route: what `config check` says about it.
#include "gateway/route_rules.hpp"
#include "gateway/fields.hpp"
#include "gateway/gateway.hpp"
#include "gateway/host.hpp"
#include "gateway/path_rewrite.hpp"
#include "gateway/route_pattern.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

constexpr std::size_t hosts_max = 64;
constexpr std::size_t fields_max = 16;
constexpr std::size_t segments_max = 64;
// Proxies ask here, whatever host they name.
constexpr std::string_view forward_auth_segment = "validate";

bool is_parameter_name(std::string_view name)
{
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || tokens::is(c, tokens::digit) || c == '_';
    });
}

// What is wrong with a path of literal segments and {parameters}, as in `path` and `rewrite`.
std::optional<std::string> find_template_error(std::string_view path)
{
    if (!path.starts_with('/'))
        return "must begin with /";
    if (path.size() > 1 && path.ends_with('/'))
        return "must not end with /: it stands for everything below anyway";
    constexpr std::string_view others = "/-._~!$&'()*+,=:@";
    for (char c : path) {
        if (!tokens::is(c, tokens::unreserved) && c != '{' && c != '}' && others.find(c) == std::string_view::npos)
            return fmt::format("holds `{}`: a path is letters, digits and {}", c, others);
    }
    auto segments = split_path(path);
    if (segments.size() > segments_max)
        return fmt::format("has more than {} segments", segments_max);
    std::set<std::string_view> names;
    for (const std::string& segment : segments) {
        if (segment.empty() || segment == "." || segment == "..")
            return "holds an empty segment, . or ..";
        std::size_t brace = segment.find_first_of("{}");
        if (brace == std::string::npos)
            continue;
        std::string_view name = std::string_view(segment).substr(1, segment.size() - 2);
        if (brace != 0 || segment.back() != '}' || !is_parameter_name(name))
            return fmt::format(
                "holds `{}`: a parameter is a whole segment such as {{id}}, of small letters, digits and _", segment);
        if (!names.insert(name).second)
            return fmt::format("names {{{}}} twice", name);
    }
    return std::nullopt;
}

// The hosts under which Gatehouse's own pages and endpoints are reached.
bool is_public_host(std::string_view pattern, const Config& config)
{
    for (const std::string& text : {config.public_url, config.listen, config.tls.listen}) {
        HostBuffer buffer;
        std::string_view authority = text;
        authority.remove_prefix(authority.find("://") == std::string_view::npos ? 0 : authority.find("://") + 3);
        if (host_fits(pattern, normalize_host(authority, buffer)))
            return true;
    }
    return host_fits(pattern, "localhost");
}

std::optional<std::string> find_built_in_error(const RouteConfig& route, const Config& config)
{
    if (route.forward_auth)
        return std::nullopt;
    auto segments = split_path(route.path);
    std::string_view first = segments.empty() ? std::string_view() : segments.front();
    if (first == forward_auth_segment)
        return "would shadow /validate, which is Gatehouse's own under every host";
    bool own_hosts = !route.hosts.empty() && std::ranges::none_of(route.hosts, [&](const std::string& host) {
        return is_public_host(host, config);
    });
    if (own_hosts)
        return std::nullopt;
    if (first.empty() && route.match == PathMatch::prefix)
        return "would take everything: the console lives there";
    if (first.empty() || is_built_in_segment(first))
        return fmt::format("would shadow /{}, which is Gatehouse's own", first);
    if (is_parameter(first))
        return fmt::format("begins with {}, which Gatehouse's own paths fit too: name `hosts` that are not Gatehouse's",
                           first);
    return std::nullopt;
}

void check_path(const RouteConfig& route, const Config& config, RouteErrors& errors)
{
    auto wrong = find_template_error(route.path);
    if (!wrong)
        wrong = find_built_in_error(route, config);
    if (wrong)
        errors.add("path", *wrong);
}

void check_methods(const RouteConfig& route, RouteErrors& errors)
{
    std::set<std::string_view> seen;
    for (const std::string& method : route.methods) {
        if (!is_method_name(method))
            errors.add("methods", fmt::format("`{}` is no method: GET, POST, ...", method));
        else if (!seen.insert(method).second)
            errors.add("methods", fmt::format("names {} twice", method));
    }
}

void check_hosts(const RouteConfig& route, RouteErrors& errors)
{
    if (route.hosts.size() > hosts_max)
        errors.add("hosts", fmt::format("are more than {}", hosts_max));
    std::set<std::string> seen;
    auto pattern = pattern_of(route);
    for (std::size_t i = 0; i < route.hosts.size(); ++i) {
        if (!is_host_pattern(route.hosts[i]))
            errors.add(RouteErrors::item("hosts", i),
                       fmt::format("must be a host such as shop.example.com or *.example.com, without "
                                   "a port, not `{}`",
                                   route.hosts[i]));
        else if (!seen.insert(pattern.hosts[i]).second)
            errors.add(RouteErrors::item("hosts", i), "stands here twice");
    }
}

void check_fields(const RouteConfig& route, RouteErrors& errors)
{
    if (route.headers.size() > fields_max)
        errors.add("headers", fmt::format("are more than {}", fields_max));
    std::set<std::string> seen;
    for (std::size_t i = 0; i < route.headers.size(); ++i) {
        FieldPattern field = parse_field_pattern(route.headers[i]);
        if (field.name.empty() || !tokens::all(field.name, tokens::token) || !is_field_value(field.value.value_or("")))
            errors.add(RouteErrors::item("headers", i),
                       fmt::format("must be name=value or name, not `{}`", route.headers[i]));
        else if (is_reserved_field(field.name) || is_hop_by_hop_field(field.name) || field.name == "host" ||
                 field.name == "authorization" || field.name == "cookie" || field.name == "content-length")
            errors.add(RouteErrors::item("headers", i),
                       fmt::format("{} decides about more than the route", field.name));
        else if (!seen.insert(field.name).second)
            errors.add(RouteErrors::item("headers", i), fmt::format("names {} twice", field.name));
    }
}

void check_rewrite(const RouteConfig& route, RouteErrors& errors)
{
    if (route.rewrite.empty())
        return;
    if (auto wrong = find_template_error(route.rewrite))
        errors.add("rewrite", *wrong);
    else if (route.strip_prefix)
        errors.add("rewrite", "and strip_prefix are two ways to say what the service sees: one of them");
    else if (route.forward_auth)
        errors.add("rewrite", "must be empty with forward_auth: the proxy that asks serves this path");
    auto known = parameters_of(route.path);
    for (std::string_view name : parameters_of(route.rewrite))
        if (std::ranges::find(known, name) == known.end())
            errors.add("rewrite", fmt::format("names {{{}}}, which is not in the path", name));
}

}  // namespace

std::vector<RouteError> find_route_errors(const RouteConfig& route, const Config& config)
{
    RouteErrors errors;
    check_path(route, config, errors);
    check_methods(route, errors);
    check_hosts(route, errors);
    check_fields(route, errors);
    check_rewrite(route, errors);
    check_policies(route, errors);
    return errors.take();
}

bool routes_contradict(const RouteConfig& a, const RouteConfig& b) { return contradict(pattern_of(a), pattern_of(b)); }

}  // namespace gatehouse::gateway
