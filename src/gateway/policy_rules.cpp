// SPDX-License-Identifier: Apache-2.0
// What is wrong with the policies of a route: what `config check` says about them.
#include "gateway/cors.hpp"
#include "gateway/header_edits.hpp"
#include "gateway/host.hpp"
#include "gateway/route_rules.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr seconds bucket_time_max = hours{24 * 30};
constexpr seconds cors_max_age_max = hours{24};  // browsers take no more
constexpr std::size_t list_max = 64;
constexpr std::uint64_t min_bytes_max = 1U << 30U;

void check_rate_limit(const RateLimitConfig& limit, const std::string& key, RouteErrors& errors)
{
    bool unlimited = limit.key == RateLimitKey::none;
    if (unlimited && limit.requests != 0)
        errors.add(key + ".requests", "is set, but there is no limit with key: none");
    if (limit.requests == 0 && limit.burst != 0)
        errors.add(key + ".burst", fmt::format("is set, but {}.requests is not", key));
    if (limit.requests == 0)
        return;
    std::size_t burst = limit.burst != 0 ? limit.burst : limit.requests;
    // How long an empty bucket takes to fill, in floating point: it is far from what is refused.
    double fill =
        static_cast<double>(limit.per.count()) * static_cast<double>(burst) / static_cast<double>(limit.requests);
    if (fill > static_cast<double>(bucket_time_max.count()))
        errors.add(key + ".burst", "would take longer than 30d to come back at this rate");
}

// "https://app.example.com", with a port where it is not the scheme's, as browsers send it.
bool is_origin(std::string_view text)
{
    std::size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos || scheme_end == 0)
        return false;
    std::string_view scheme = text.substr(0, scheme_end);
    std::string_view rest = text.substr(scheme_end + 3);
    std::size_t colon = rest.rfind(':');
    bool has_port = colon != std::string_view::npos && !rest.ends_with(']');
    std::string_view host = rest.substr(0, has_port ? colon : rest.size());
    std::string_view port = has_port ? rest.substr(colon + 1) : "80000";
    auto lower = [](char c) { return tokens::lower(c) == c; };
    return std::ranges::all_of(text, lower) && is_host_pattern(host) && !host.starts_with('*') && port.size() <= 5 &&
           !port.empty() && tokens::all(port, tokens::digit) && !(scheme == "https" && port == "443") &&
           !(scheme == "http" && port == "80") &&
           std::ranges::all_of(scheme, [](char c) { return tokens::is(c, tokens::host); });
}

void check_names(const std::vector<std::string>& names, const std::string& key, bool star, RouteErrors& errors)
{
    if (names.size() > list_max)
        errors.add(key, fmt::format("are more than {}", list_max));
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == "*" && (!star || names.size() > 1))
            errors.add(RouteErrors::item(key, i), star ? "must stand alone" : "stands for nothing with credentials");
        else if (!is_field_name(names[i]))
            errors.add(RouteErrors::item(key, i), fmt::format("`{}` is no name of a field", names[i]));
    }
}

void check_cors(const RouteConfig& route, RouteErrors& errors)
{
    const CorsConfig& cors = route.cors;
    bool any = std::ranges::find(cors.origins, "*") != cors.origins.end();
    if (cors.origins.size() > list_max)
        errors.add("cors.origins", fmt::format("are more than {}", list_max));
    for (std::size_t i = 0; i < cors.origins.size(); ++i)
        if (cors.origins[i] != "*" && !is_origin(cors.origins[i]))
            errors.add(RouteErrors::item("cors.origins", i),
                       fmt::format("must be an origin as browsers send it, such as https://app.example.com, in small "
                                   "letters, not `{}`",
                                   cors.origins[i]));
    if (any && cors.origins.size() > 1)
        errors.add("cors.origins", "names * and others: * is all of them");
    if (any && cors.credentials)
        errors.add("cors.credentials", "with origins: [\"*\"] would let every site act as the user");
    if (cors.origins.empty() &&
        (cors.credentials || !cors.methods.empty() || !cors.headers.empty() || !cors.expose.empty()))
        errors.add("cors.origins", "must name who may use the route");
    for (std::size_t i = 0; i < cors.methods.size(); ++i) {
        const std::string& method = cors.methods[i];
        if (!is_method_name(method))
            errors.add(RouteErrors::item("cors.methods", i), fmt::format("`{}` is no method: GET, POST, ...", method));
        else if (!route.methods.empty() && std::ranges::find(route.methods, method) == route.methods.end())
            errors.add(RouteErrors::item("cors.methods", i), fmt::format("{} is none of the route's methods", method));
    }
    check_names(cors.headers, "cors.headers", !cors.credentials, errors);
    check_names(cors.expose, "cors.expose", !cors.credentials, errors);
    if (cors.max_age > cors_max_age_max)
        errors.add("cors.max_age", "must be at most 24h");
}

void check_edits(const HeaderEditsConfig& edits, const std::string& key, bool (*is_protected)(std::string_view),
                 bool of_request, RouteErrors& errors)
{
    auto check_name = [&](std::string_view name, const std::string& item, bool removed) {
        bool credential = of_request && (name == "authorization" || name == "cookie");
        if (is_protected(name))
            errors.add(item, fmt::format("{} is Gatehouse's to say: it frames the message, or tells who is calling and "
                                         "how",
                                         name));
        else if (credential && !removed)
            errors.add(item, fmt::format("{} may be removed only", name));
    };
    for (std::size_t i = 0; i < edits.remove.size(); ++i) {
        std::string name = RouteErrors::item(key + ".remove", i);
        auto field = parse_edited_field(edits.remove[i] + ":");
        if (!field || !is_field_name(edits.remove[i]))
            errors.add(name, fmt::format("`{}` is no name of a field", edits.remove[i]));
        else
            check_name(field->name, name, true);
    }
    for (auto [what, list] : {std::pair{".set", &edits.set}, std::pair{".add", &edits.add}})
        for (std::size_t i = 0; i < list->size(); ++i) {
            std::string name = RouteErrors::item(key + what, i);
            auto field = parse_edited_field((*list)[i]);
            if (!field)
                errors.add(name, fmt::format("must be `Name: value`, not `{}`", (*list)[i]));
            else
                check_name(field->name, name, false);
        }
    if (std::max({edits.remove.size(), edits.set.size(), edits.add.size()}) > list_max)
        errors.add(key, fmt::format("has more than {} fields of a kind", list_max));
}

void check_compression(const CompressionConfig& compression, RouteErrors& errors)
{
    if (compression.enabled && compression.types.empty())
        errors.add("compression.types", "must name what is compressed");
    if (compression.types.size() > list_max)
        errors.add("compression.types", fmt::format("are more than {}", list_max));
    for (std::size_t i = 0; i < compression.types.size(); ++i) {
        std::string_view type = compression.types[i];
        std::size_t slash = std::min(type.find('/'), type.size());
        if (!is_field_name(type.substr(0, slash)) || slash == 0 || type.starts_with('*') || slash == type.size() ||
            !is_field_name(type.substr(slash + 1)))
            errors.add(RouteErrors::item("compression.types", i),
                       fmt::format("must be a media type such as text/* or application/json, not `{}`", type));
    }
    if (compression.min_bytes > min_bytes_max)
        errors.add("compression.min_bytes", "must be at most 1GiB");
}

// The first policy that is set, by its key.
std::string_view find_policy(const RouteConfig& route)
{
    if (route.rate_limit.requests != 0)
        return "rate_limit";
    if (!route.cors.origins.empty())
        return "cors";
    if (!HeaderEdits::is_empty(route.request_headers))
        return "request_headers";
    if (!HeaderEdits::is_empty(route.response_headers))
        return "response_headers";
    if (route.maintenance.enabled)
        return "maintenance";
    return route.compression.enabled ? "compression" : "";
}

}  // namespace

std::string RouteErrors::item(std::string_view list, std::size_t index) { return fmt::format("{}[{}]", list, index); }

bool is_method_name(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_field_name(std::string_view text) { return !text.empty() && tokens::all(text, tokens::token); }

bool is_field_value(std::string_view text)
{
    const char* end = text.data() + text.size();
    return tokens::find_value_end(text.data(), end) == end;
}

void check_policies(const RouteConfig& route, RouteErrors& errors)
{
    std::string_view policy = find_policy(route);
    if (route.forward_auth && !policy.empty())
        errors.add(std::string(policy), "has no effect with forward_auth: the proxy that asks serves this path");
    check_rate_limit(route.rate_limit, "rate_limit", errors);
    if (route.rate_limit.key == RateLimitKey::user && route.authentication == Authentication::none)
        errors.add("rate_limit.key", "cannot be user with authentication: none");
    check_cors(route, errors);
    check_edits(route.request_headers, "request_headers", is_protected_request_field, true, errors);
    check_edits(route.response_headers, "response_headers", is_protected_response_field, false, errors);
    check_compression(route.compression, errors);
}

std::vector<RouteError> find_gateway_errors(const Config& config)
{
    RouteErrors errors;
    check_rate_limit(config.rate_limit, "rate_limit", errors);
    return errors.take();
}

}  // namespace gatehouse::gateway
