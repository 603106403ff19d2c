// SPDX-License-Identifier: Apache-2.0
#include "gateway/fields.hpp"

#include "http/list.hpp"
#include "identity/identity_fields.hpp"
#include "identity/session_cookie.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::gateway {

namespace {

// Fields that Connection may not remove on their way: the decisions made here hang on them.
constexpr std::array<std::string_view, 6> protected_fields{"host",         "authorization", "content-length",
                                                           "x-request-id", "traceparent",   "cookie"};

// True when one of the Connection fields names `name`.
bool is_named_by_connection(const http::Headers& headers, std::string_view name)
{
    bool named = false;
    http::for_each_element(headers, "connection",
                           [&](std::string_view element) { named = named || http::iequals(element, name); });
    return named;
}

// The usual Connection field names nothing of interest; then no field needs to be looked up in it.
bool connection_names_fields(const http::Headers& headers)
{
    for (http::Field field : headers)
        if (field.name == "connection" && !http::iequals(field.value, "keep-alive") &&
            !http::iequals(field.value, "close"))
            return true;
    return false;
}

void keep_end_to_end_fields(const http::Headers& from, http::Headers& to, auto&& keeps)
{
    bool named = connection_names_fields(from);
    to.clear();
    for (http::Field field : from) {
        if (is_hop_by_hop_field(field.name) || !keeps(field.name))
            continue;
        if (named && std::ranges::find(protected_fields, field.name) == protected_fields.end() &&
            is_named_by_connection(from, field.name))
            continue;
        to.add(field.name, field.value);
    }
}

}  // namespace

bool is_hop_by_hop_field(std::string_view name)
{
    switch (name.size()) {
    case 2: return name == "te";
    case 7: return name == "trailer" || name == "upgrade";
    case 10: return name == "connection" || name == "keep-alive";
    case 16: return name == "proxy-connection";
    case 17: return name == "transfer-encoding";
    case 18: return name == "proxy-authenticate";
    case 19: return name == "proxy-authorization";
    default: return false;
    }
}

bool is_reserved_field(std::string_view name)
{
    if (name.starts_with("x-"))
        return name.starts_with("x-user-") || name.starts_with("x-forwarded-") || name.starts_with("x-gatehouse-") ||
               name.starts_with("x-auth-") || name.starts_with("x-original-") || name == "x-real-ip" ||
               name == "x-rewrite-url" || name == "x-request-id" || name.starts_with("x-http-method");
    // `proxy` would become HTTP_PROXY in a CGI program.
    return name == "forwarded" || name == "proxy" || name == "expect" || name == "traceparent";
}

void rewrite_request_fields(http::Request& request, const Route& route, const identity::Claims* claims,
                            http::Headers& scratch)
{
    http::Headers& headers = request.head.headers;
    std::string_view trace = headers.find("traceparent").value_or("");
    std::string_view host = headers.find("host").value_or("");

    keep_end_to_end_fields(headers, scratch, [](std::string_view name) { return !is_reserved_field(name); });
    scratch.add("traceparent", trace);
    scratch.add("x-request-id", request.request_id);
    scratch.add("x-forwarded-for", request.remote_address);
    scratch.add("x-forwarded-proto", request.scheme);
    scratch.add("x-forwarded-host", host);
    if (claims)
        identity::set_identity_fields(scratch, *claims);
    std::swap(headers, scratch);
    if (!route.keeps_session_cookies && headers.contains("cookie"))
        identity::strip_session_cookies(headers);
}

void rewrite_response_fields(http::Headers& headers)
{
    if (connection_names_fields(headers)) {
        http::Headers kept;
        keep_end_to_end_fields(headers, kept, [](std::string_view) { return true; });
        headers = std::move(kept);
        return;
    }
    headers.remove_if([](http::Field field) { return is_hop_by_hop_field(field.name); });
}

}  // namespace gatehouse::gateway
