// SPDX-License-Identifier: Apache-2.0
#include "gateway/route_endpoints.hpp"

#include "http/json_body.hpp"
#include "http/problem.hpp"
#include "http/url.hpp"
#include "identity/bearer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace gatehouse::gateway {

namespace {

// What is told of a forwarded request beside the names of its fields. A route may set others to what only its service
// should know.
bool is_open(std::string_view name)
{
    constexpr std::array<std::string_view, 5> open{"host", "forwarded", "via", "x-request-id", "traceparent"};
    return name.starts_with("x-user-") || name.starts_with("x-forwarded-") ||
           std::ranges::find(open, name) != open.end();
}

void redact_fields(json::object& explanation)
{
    json::object* forwarded = explanation["forwarded"].if_object();
    if (!forwarded)
        return;
    for (json::value& field : forwarded->at("headers").as_array()) {
        json::array& pair = field.as_array();
        if (!is_open(std::string_view(pair[0].as_string())))
            pair[1] = "[redacted]";
    }
}

http::Response answer_json(const json::value& value)
{
    auto response = http::json_response(value);
    response.headers.set("cache-control", "no-store");
    return response;
}

}  // namespace

std::vector<http::Route> RouteEndpoints::routes()
{
    return {
        {"GET", "/admin/routes", [this](http::Request& request) { return list(request); }},
        {"GET", "/admin/explain", [this](http::Request& request) { return explain(request); }},
    };
}

// GET /admin/routes: every route of the configuration in force.
Task<http::Response> RouteEndpoints::list(http::Request&)
{
    json::object body;
    body["items"] = list_();
    body["next"] = nullptr;
    co_return answer_json(body);
}

// GET /admin/explain?method=GET&url=/orders/7&as=me|nobody: as the caller, or as somebody without a token.
Task<http::Response> RouteEndpoints::explain(http::Request& request)
{
    auto query = request.query();
    std::vector<http::FieldError> errors;
    auto url = http::find_query_parameter(query, "url");
    if (!url || url->empty())
        errors.push_back({"url", "An address or a path is needed here."});
    auto as = http::find_query_parameter(query, "as").value_or("me");
    if (as != "me" && as != "nobody")
        errors.push_back({"as", "This is \"me\" or \"nobody\"."});
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    json::object question;
    question["method"] = http::find_query_parameter(query, "method").value_or("GET");
    question["url"] = *url;
    question["address"] = request.remote_address;
    if (as == "me")
        question["token"] = std::string(identity::find_bearer_token(request.head.headers).value_or(""));
    auto explanation = co_await explain_(std::move(question));
    redact_fields(explanation);
    co_return answer_json(explanation);
}

}  // namespace gatehouse::gateway
