// SPDX-License-Identifier: Apache-2.0
#include "app/config_endpoint.hpp"

#include "app/config_print.hpp"
#include "http/json_body.hpp"

#include <string_view>

namespace gatehouse::app {

namespace {

constexpr std::string_view permission = "admin:config";
constexpr std::string_view redacted = "[redacted]";

// What follows the first `separator` in each text below.
void redact_after(json::value& value, char separator)
{
    if (json::string* text = value.if_string()) {
        auto at = std::string_view(*text).find(separator);
        if (at == std::string_view::npos)
            return;
        std::string kept(std::string_view(*text).substr(0, at + 1));
        if (separator == ':')
            kept += ' ';
        *text = kept.append(redacted);
    } else if (json::array* list = value.if_array()) {
        for (json::value& item : *list)
            redact_after(item, separator);
    } else if (json::object* object = value.if_object()) {
        for (auto& [key, member] : *object)
            redact_after(member, separator);
    }
}

}  // namespace

void redact_header_values(json::value& config)
{
    if (json::array* list = config.if_array()) {
        for (json::value& item : *list)
            redact_header_values(item);
        return;
    }
    json::object* object = config.if_object();
    if (!object)
        return;
    for (auto& [key, member] : *object) {
        if (key == "request_headers")
            redact_after(member, ':');
        else if (key == "headers")
            redact_after(member, '=');
        else
            redact_header_values(member);
    }
}

http::Route ConfigEndpoint::route()
{
    return {"GET", "/admin/config", [this](http::Request& request) { return print(request); }};
}

// GET /admin/config: what is in force here.
Task<http::Response> ConfigEndpoint::print(http::Request& request)
{
    authenticators_.local().require(request, permission);
    auto read = [this] {
        json::value config = config_to_json(reloader_.running());
        redact_header_values(config);
        return config;
    };
    json::object body;
    body["config"] = co_await pool_.run(read);
    auto response = http::json_response(body);
    response.headers.set("cache-control", "no-store");
    co_return response;
}

}  // namespace gatehouse::app
