// SPDX-License-Identifier: Apache-2.0
#include "gateway/upgrade.hpp"

#include "gateway/gateway.hpp"
#include "gateway/revocable_body.hpp"
#include "http/list.hpp"
#include "http/tunnel.hpp"
#include "http/websocket.hpp"

#include <algorithm>

namespace gatehouse::gateway {

using http::Problem;

namespace {

bool names_upgrade(const http::Headers& headers)
{
    bool named = false;
    http::for_each_element(headers, "connection",
                           [&](std::string_view element) { named = named || http::iequals(element, "upgrade"); });
    return named;
}

std::optional<Problem> check_websocket(const http::Headers& headers)
{
    if (headers.count("sec-websocket-version") != 1 || headers.find("sec-websocket-version") != "13")
        return Problem::of_status(426, "websocket_version", "Only version 13 of WebSocket is spoken here.")
            .with_header("sec-websocket-version", "13");
    if (!http::has_websocket_key(headers))
        return Problem::bad_request("invalid_request", "Sec-WebSocket-Key must be 16 bytes in base64.");
    return std::nullopt;
}

}  // namespace

std::optional<Problem> admit_upgrade(http::Request& request, const Route& route)
{
    if (route.upgrade.empty())
        return std::nullopt;
    const http::Headers& headers = request.head.headers;
    auto wish = headers.find("upgrade");
    if (!wish || headers.count("upgrade") != 1 || request.head.version != http::Version::http11 ||
        !names_upgrade(headers))
        return std::nullopt;
    auto known = std::ranges::find_if(route.upgrade, [&](auto& name) { return http::iequals(name, *wish); });
    if (known == route.upgrade.end())
        return std::nullopt;
    // With a body it would not be clear where the other protocol begins.
    if (request.head.method != "GET" || request.body->length() != 0)
        return Problem::bad_request("invalid_request", "The protocol is changed by a GET request without a body.");
    if (*known == "websocket")
        if (auto problem = check_websocket(headers))
            return problem;
    request.upgrade = *known;
    return std::nullopt;
}

void end_with_session(http::Tunnel& tunnel, const identity::RevocationList& revocations, const Caller& caller)
{
    tunnel.is_over = [watch = RevocationWatch(revocations, caller)]() mutable { return watch.is_over(); };
}

bool is_upgrade_protocol(std::string_view name)
{
    bool plain = !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
    return plain && name != "h2c" && name != "h2" && !name.starts_with("http") && !name.starts_with("tls");
}

}  // namespace gatehouse::gateway
