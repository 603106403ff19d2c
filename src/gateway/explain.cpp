// SPDX-License-Identifier: Apache-2.0
#include "gateway/explain.hpp"

#include "gateway/host.hpp"
#include "gateway/recent_requests.hpp"
#include "http/deadline.hpp"
#include "http/endpoint_set.hpp"
#include "http/problem.hpp"
#include "http/tokens.hpp"
#include "http/url.hpp"
#include "identity/bearer.hpp"
#include "identity/peek.hpp"
#include "identity/session_cookie.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

constexpr std::size_t other_routes_max = 5;
constexpr std::size_t fields_max = 100;
constexpr std::array<std::string_view, 3> authentication_words{"required", "optional", "none"};
constexpr std::array<std::string_view, 3> stale_words{"allow", "ask", "deny"};

template <class Enum>
std::string_view word_of(const std::array<std::string_view, 3>& words, Enum value)
{
    return words[static_cast<std::size_t>(value)];
}

http::Problem wrong_question(std::string detail)
{
    return http::Problem::bad_request("invalid_request", std::move(detail));
}

void add_field(http::Request& request, std::string name, std::string_view value)
{
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
    if (name.empty() || !tokens::all(name, tokens::token) || value.find_first_of("\r\n") != std::string_view::npos ||
        value.find('\0') != std::string_view::npos)
        throw wrong_question(fmt::format("`{}` is no header field", name));
    request.head.headers.add(name, value);
}

void add_fields(http::Request& request, const json::value& list)
{
    if (!list.is_array() || list.get_array().size() > fields_max)
        throw wrong_question("`headers` must be a list of [name, value]");
    for (const json::value& item : list.get_array()) {
        const json::array* pair = item.if_array();
        if (!pair || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string())
            throw wrong_question("`headers` must be a list of [name, value]");
        add_field(request, std::string(std::string_view((*pair)[0].get_string())), (*pair)[1].get_string());
    }
}

// "https://host/path?query#fragment", or a path, as host and target.
struct Url {
    std::string host;
    std::string target;
};
Url split_url(std::string_view url)
{
    Url result;
    url = url.substr(0, url.find('#'));
    std::size_t scheme = url.find("://");
    if (scheme != std::string_view::npos && url.find_first_of("/?") > scheme) {
        url.remove_prefix(scheme + 3);
        std::size_t end = std::min(url.find_first_of("/?"), url.size());
        result.host = url.substr(0, end);
        url.remove_prefix(end);
    }
    result.target = url.starts_with('/') || url == "*" ? "" : "/";
    result.target += url;
    if (!tokens::all(std::string_view(result.target).substr(0, result.target.find('?')), tokens::path))
        throw wrong_question("the URL holds characters that must be encoded");
    return result;
}

std::string_view key_word(RateLimitKey key)
{
    switch (key) {
    case RateLimitKey::address: return "address";
    case RateLimitKey::user: return "user";
    case RateLimitKey::route: return "route";
    case RateLimitKey::none: break;
    }
    return "none";
}

// "60 requests in 60 s for each address".
std::string describe_limit(const Route& route)
{
    const RateLimit& limit = *route.rate_limit;
    std::string_view whose = limit.config().key == RateLimitKey::address ? "each address"
                             : limit.config().key == RateLimitKey::user
                                 ? "each user, or for the address where nobody is logged in"
                                 : "all clients together";
    std::string_view where = route.own_rate_limit                        ? "of this route"
                             : limit.config().key == RateLimitKey::route ? "of each route without one of its own"
                                                                         : "of all routes without one of their own";
    return fmt::format("{} requests in {} s, {} at once, for {}: the limit {}; how much is left is not looked at",
                       limit.config().requests, limit.config().per.count(), limit.burst(), whose, where);
}

json::value explain_limit(const Route& route)
{
    if (!route.rate_limit)
        return nullptr;
    const RateLimitConfig& config = route.rate_limit->config();
    return json::object{{"of", route.own_rate_limit ? "route" : "gateway"},
                        {"key", key_word(config.key)},
                        {"requests", config.requests},
                        {"per_seconds", config.per.count()},
                        {"burst", route.rate_limit->burst()}};
}

// What a step looks at on the route; empty for what it looks at everywhere.
std::string describe_step(Step step, const Route& route)
{
    switch (step) {
    case Step::route:
        return route.own_endpoint.empty()
                   ? route.name
                   : fmt::format("{}, Gatehouse's own endpoint {}", route.name, route.own_endpoint);
    case Step::preflight: return route.cors ? "answered here: CORS" : "";
    case Step::maintenance: return route.maintenance ? "the route is under maintenance" : "";
    case Step::rate_limit:
    case Step::user_rate_limit:
        if (!route.rate_limit || route.rate_limit->counts_users() != (step == Step::user_rate_limit))
            return "";
        return describe_limit(route);
    case Step::authentication: return std::string(word_of(authentication_words, route.authentication));
    case Step::permission: return route.permission;
    case Step::revocation:
        return fmt::format("while the list of revoked tokens is stale: {}",
                           word_of(stale_words, route.revocation_stale));
    case Step::body: return fmt::format("at most {} bytes", route.body_bytes_max);
    case Step::upstream: return route.upstream ? route.upstream->name() : "";
    case Step::path:
    case Step::forward_auth:
    case Step::https:
    case Step::upgrade:
    case Step::overload: return "";
    }
    return "";
}

// How many of the path's first segments are the route's.
std::size_t count_shared(const Route& route, const std::vector<std::string>& path)
{
    std::size_t shared = 0;
    while (shared < route.segments.size() && shared < path.size() &&
           (is_parameter(route.segments[shared]) || route.segments[shared] == path[shared]))
        ++shared;
    return shared;
}

bool is_of_host(const Route& route, std::string_view field)
{
    HostBuffer buffer;
    std::string_view host = normalize_host(field, buffer);
    return route.hosts.empty() || std::ranges::any_of(route.hosts, [&](std::string_view wanted) {
               return wanted.starts_with("*.") ? host.ends_with(wanted.substr(1)) : host == wanted;
           });
}

// The rules of route_pattern.hpp one by one.
std::string reason_against(const Route& route, const RouteQuestion& question, const Route* taken)
{
    std::vector<std::string> path = split_path(question.path);
    if (!is_of_host(route, question.host))
        return fmt::format("is for {} alone", fmt::join(route.hosts, ", "));
    bool begins = count_shared(route, path) == route.segments.size();
    bool ends = route.prefix || (path.size() == route.segments.size() && !question.path.ends_with('/'));
    if (!begins || (!ends && question.path != "/"))
        return fmt::format("takes /{}{}", fmt::join(route.segments, "/"),
                           route.prefix ? " and what is below" : " alone");
    if (!route.takes(question.method))
        return fmt::format("takes {}", fmt::join(route.methods, ", "));
    if (!route.fields.empty() && !(question.headers && route.fits(*question.headers)))
        return "asks for header fields that the request does not have";
    return taken ? fmt::format("{} goes before it", taken->name) : "does not take it";
}

json::array explain_endpoints(const http::Upstream& upstream)
{
    json::array list;
    const auto& endpoints = upstream.endpoints();
    for (std::size_t i = 0; endpoints && i < endpoints->size(); ++i)
        list.push_back(json::object{{"endpoint", endpoints->name(i)},
                                    {"fit", endpoints->fit(i, http::coarse_now())},
                                    {"requests_in_progress", endpoints->in_progress(i)}});
    return list;
}

}  // namespace

http::Request read_question(const json::object& question, std::string_view public_url)
{
    auto method = find_string(question, "method");
    auto url = find_string(question, "url");
    if (!method || method->empty() || !tokens::all(*method, tokens::token))
        throw wrong_question("`method` must be a method: GET, POST, ...");
    if (!url || url->empty())
        throw wrong_question("`url` is missing");
    http::Request request;
    request.head.method = *method;
    Url split = split_url(*url);
    request.head.target = std::move(split.target);
    if (const json::value* fields = question.if_contains("headers"))
        add_fields(request, *fields);
    if (auto token = find_string(question, "token"))
        add_field(request, "authorization", "Bearer " + *token);
    if (!request.head.headers.contains("host")) {
        auto own = http::parse_endpoint(public_url);
        add_field(request, "host", !split.host.empty() ? split.host : own ? own->authority() : "localhost");
    }
    request.scheme = public_url.starts_with("https:") ? "https" : "http";
    request.remote_address = find_string(question, "address").value_or("127.0.0.1");
    request.request_id = "explained";
    return request;
}

json::array explain_steps(const Passage& passage, bool refused)
{
    json::array steps;
    auto last = static_cast<std::size_t>(passage.step);
    for (std::size_t i = 0; i < step_names.size(); ++i) {
        std::string_view outcome = i < last ? "passed" : i > last ? "not reached" : refused ? "refused" : "reached";
        json::object step{{"step", step_names[i]}, {"outcome", outcome}};
        if (passage.route)
            if (std::string detail = describe_step(static_cast<Step>(i), *passage.route); !detail.empty())
                step["detail"] = detail;
        steps.push_back(std::move(step));
    }
    return steps;
}

json::object explain_route(const Route& route)
{
    json::object object;
    object["name"] = route.name;
    object["configured"] = !route.own_role;
    object["own_endpoint"] = route.own_endpoint.empty() ? json::value(nullptr) : json::value(route.own_endpoint);
    object["hosts"] = json::array(route.hosts.begin(), route.hosts.end());
    object["methods"] = json::array(route.methods.begin(), route.methods.end());
    object["authentication"] = word_of(authentication_words, route.authentication);
    object["permission"] = route.permission;
    object["body_bytes_max"] = route.body_bytes_max;
    object["revocation_stale"] = word_of(stale_words, route.revocation_stale);
    object["cors"] = route.cors != nullptr;
    object["rate_limit"] = explain_limit(route);
    object["maintenance"] = route.maintenance.has_value();
    object["compression"] = route.compression.has_value();
    return object;
}

json::array explain_other_routes(const RouteTable& table, const RouteQuestion& question, const Route* taken)
{
    std::vector<std::string> path =
        question.path.starts_with('/') ? split_path(question.path) : std::vector<std::string>();
    std::vector<std::pair<std::size_t, const Route*>> near;
    for (const auto& route : table.routes()) {
        std::size_t shared = count_shared(*route, path);
        bool catches_all = route->segments.empty() && route->prefix;
        if (route.get() != taken && (shared > 0 || catches_all))
            near.emplace_back(shared, route.get());
    }
    std::ranges::sort(near, [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second->index < b.second->index;
    });
    near.resize(std::min(near.size(), other_routes_max));
    json::array list;
    for (const auto& [shared, route] : near)
        list.push_back(json::object{{"route", route->name}, {"reason", reason_against(*route, question, taken)}});
    return list;
}

json::value explain_token(const http::Headers& headers, const Caller& caller)
{
    std::string token(identity::find_bearer_token(headers).value_or(""));
    if (token.empty())
        token = identity::find_cookie(headers, identity::access_cookie).value_or("");
    if (token.empty())
        return nullptr;
    json::object object{{"verified", caller != nullptr}};
    if (caller)
        object["claims"] = identity::to_json(*caller);
    else if (auto said = identity::peek_token(token))
        object["says"] = std::move(*said);
    return object;
}

json::object explain_forwarding(const http::Request& request, const Route& route)
{
    json::array fields;
    for (http::Field field : request.head.headers) {
        bool secret = field.name == "authorization" || field.name == "cookie" || field.name.starts_with("x-gatehouse-");
        fields.push_back(json::array{field.name, secret ? std::string_view("[redacted]") : field.value});
    }
    json::object object;
    object["upstream"] = route.upstream->name();
    object["in_process"] = route.upstream->in_process();
    object["endpoints"] = explain_endpoints(*route.upstream);
    object["method"] = request.head.method;
    object["target"] = request.head.target;
    object["headers"] = std::move(fields);
    return object;
}

json::object explain_answer(const http::Response& response)
{
    json::object object{{"status", response.status}};
    auto body = parse_json(response.body);
    if (!find_problem_code(response).empty() && body && body->is_object()) {
        object["code"] = find_string(body->get_object(), "code").value_or("");
        object["detail"] = find_string(body->get_object(), "detail").value_or("");
    }
    json::object fields;
    for (std::string_view name : {"www-authenticate", "retry-after", "allow"})
        if (auto value = response.headers.find(name))
            fields[name] = *value;
    object["headers"] = std::move(fields);
    return object;
}

}  // namespace gatehouse::gateway
