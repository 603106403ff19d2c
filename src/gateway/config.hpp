// SPDX-License-Identifier: Apache-2.0
// The settings of the role `gateway` (configuration section `gateway`).
#pragma once

#include "http/tls_options.hpp"
#include "http/upstream_options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::gateway {

enum class Authentication { required, optional, none };

// What happens to a request with a verified token while this process cannot know whether it was revoked meanwhile,
// because auth has not said so for revocation_max_age: it passes, auth is asked about it, or it is answered 503.
enum class StalePolicy { allow, ask, deny };

// One of the places where a service listens.
struct UpstreamEndpointConfig {
    std::string url;         // "http://host:port" or "https://host:port"
    std::size_t weight = 1;  // its share, beside the others'
    bool operator==(const UpstreamEndpointConfig&) const = default;
};

// A user's own service, to which routes refer by name.
struct UpstreamConfig {
    std::string name;
    std::vector<UpstreamEndpointConfig> endpoints;
    http::UpstreamOptions options;
    http::TlsClientOptions tls;  // of its endpoints with https://
    bool operator==(const UpstreamConfig&) const = default;
};

// What a route's `path` takes: everything below it too, or that path alone.
enum class PathMatch { prefix, exact };

// What a rate limit counts the requests of. `none`: there is no limit here, though the gateway has one.
enum class RateLimitKey { address, user, route, none };

struct RateLimitConfig {
    std::size_t requests = 0;  // 0: no limit, or for a route the gateway's
    std::chrono::seconds per{60};
    std::size_t burst = 0;  // at once; 0: `requests`
    RateLimitKey key = RateLimitKey::address;
};

// Which other origins' pages may use a route (Fetch's CORS protocol).
struct CorsConfig {
    std::vector<std::string> origins;  // "https://app.example.com"; "*": all; empty: the gateway does nothing
    std::vector<std::string> methods;  // empty: the route's, or GET, POST, PUT, PATCH and DELETE
    std::vector<std::string> headers;  // request fields beyond the plain ones
    std::vector<std::string> expose;   // response fields that scripts may read
    bool credentials = false;
    std::chrono::seconds max_age{600};
};

// Changes of header fields, in this order: removed, set, added.
struct HeaderEditsConfig {
    std::vector<std::string> remove;  // "name"
    std::vector<std::string> set;     // "Name: value", instead of every field of that name
    std::vector<std::string> add;     // "Name: value", beside those
};

struct MaintenanceConfig {
    bool enabled = false;
    std::string message;  // empty: a general one
    std::chrono::seconds retry_after{300};
};

struct CompressionConfig {
    bool enabled = false;
    std::vector<std::string> types{
        "text/*",          "application/json", "application/problem+json", "application/javascript",
        "application/xml", "image/svg+xml"};
    std::uint64_t min_bytes = 1024;  // of a body whose length is known
};

// A route to a user's own service.
struct RouteConfig {
    std::string path;                    // whole segments: "/orders" takes /orders and /orders/7; "{id}": any segment
    std::vector<std::string> methods;    // empty: all
    std::string upstream;                // one of Config::upstreams, by name
    std::vector<std::string> upstreams;  // or, for short, "http://host:port", one or more
    Authentication authentication = Authentication::required;
    std::string permission;            // empty: any authenticated user
    bool strip_prefix = false;         // the upstream sees the path without `path`
    bool preserve_host = false;        // the upstream sees the client's Host instead of its own
    std::uint64_t body_bytes_max = 0;  // 0: the gateway's
    StalePolicy revocation_stale = StalePolicy::allow;
    std::vector<std::string> upgrade;  // protocols that a connection may change to: "websocket"
    bool forward_auth = false;         // another proxy serves it and asks /validate: no upstreams

    PathMatch match = PathMatch::prefix;
    std::vector<std::string> hosts;    // "shop.example.com", "*.example.com"; empty: any
    std::vector<std::string> headers;  // "name=value", or "name" for any value; all of them must be there
    std::string rewrite;               // what the upstream sees instead of `path`: "/v2/{id}"

    // Policies, for requests that the gateway forwards itself.
    RateLimitConfig rate_limit;
    CorsConfig cors;
    HeaderEditsConfig request_headers;
    HeaderEditsConfig response_headers;
    MaintenanceConfig maintenance;
    CompressionConfig compression;
};

// Another organization's issuer whose tokens the configured routes accept.
struct IssuerConfig {
    std::string name;                     // in front of its users' ids and names, with ':'
    std::string issuer;                   // iss of its tokens
    std::string audience;                 // aud of its tokens
    std::string jwks_url;                 // empty: as its discovery document says
    std::string ca;                       // file with certificate authorities; empty: the system's
    std::vector<std::string> algorithms;  // empty: EdDSA, ES256 and RS256
    bool require_access_token_type = false;
    std::string username_claim = "preferred_username";
    std::string roles_claim;
    std::vector<std::string> roles;        // "value=role"
    std::vector<std::string> permissions;  // "role=permission"
};

// Which requests the access log names; those that failed (status 400 and up, broken off) or were slow it always does.
struct AccessLogSampling {
    double ratio = 1;
    std::chrono::milliseconds slow{1'000};
};

struct Http2Config {
    bool enabled = true;  // on the public side; false: HTTP/1.1 alone
    bool cleartext = false;
};

// When work is turned away (overload.hpp).
struct OverloadConfig {
    std::size_t requests_max = 0;              // in progress in the process; 0: 4096 for each I/O thread
    std::chrono::milliseconds lag_max{1'000};  // how late an I/O thread may be; 0: however late
};

// HTTPS on the public side.
struct TlsConfig {
    std::string listen;  // beside `listen` of the gateway; empty: none
    std::vector<http::CertificateFiles> certificates;
    http::TlsVersion version_min = http::TlsVersion::tls12;
    std::chrono::milliseconds handshake_timeout{10'000};
    bool redirect = false;         // what comes over plain HTTP is sent to HTTPS
    std::chrono::seconds hsts{0};  // how long browsers shall use HTTPS alone; 0: not said
};

struct Config {
    std::string listen = "127.0.0.1:8080";  // empty: HTTPS alone
    std::string public_url;  // empty: https://<tls.listen> or http://<listen>, with localhost for a loopback address
    TlsConfig tls;
    std::vector<std::string> trusted_proxies;     // addresses and CIDR ranges
    bool proxy_protocol = false;                  // connections from trusted_proxies begin with a PROXY header
    std::size_t connections_per_address_max = 0;  // 0: no limit
    bool access_log = true;
    AccessLogSampling access_log_sampling;
    std::uint64_t body_bytes_max = 16ULL << 30U;
    std::chrono::milliseconds drain{10'000};
    std::chrono::milliseconds drain_delay{0};
    bool reuse_port = false;
    OverloadConfig overload;
    std::size_t recent_requests = 1000;
    std::chrono::milliseconds revocation_max_age{30'000};
    StalePolicy revocation_stale = StalePolicy::allow;  // of Gatehouse's own routes
    Http2Config http2;
    std::vector<UpstreamConfig> upstreams;
    RateLimitConfig rate_limit;  // of the routes that have none, Gatehouse's own among them
    std::size_t rate_limit_buckets = 65'536;
    std::vector<RouteConfig> routes;
    std::vector<IssuerConfig> issuers;
};

}  // namespace gatehouse::gateway
