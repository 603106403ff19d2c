// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "http/json_body.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::auth {

namespace {

// How long a cache may keep the keys: no longer than a new one is published before it signs, with room for the rest.
constexpr std::chrono::seconds keys_age_max{300};
constexpr std::chrono::seconds metadata_age{300};

std::string cache_control(std::chrono::seconds age) { return fmt::format("public, max-age={}", age.count()); }

// What both documents say. No grant is offered and nothing is authorized in a browser: one logs in at POST /login and
// refreshes at POST /refresh, in this program's own form, and the access tokens are for the audience's services.
json::object metadata(const Context& context)
{
    std::string issuer = context.config.issuer;
    std::string base = issuer.ends_with('/') ? issuer.substr(0, issuer.size() - 1) : issuer;
    json::object body;
    body["issuer"] = issuer;
    body["jwks_uri"] = base + "/.well-known/jwks.json";
    body["response_types_supported"] = json::array{};
    body["grant_types_supported"] = json::array{};
    body["token_endpoint_auth_methods_supported"] = json::array{};
    return body;
}

http::Response cacheable(const json::object& body)
{
    auto response = http::json_response(body);
    response.headers.add("cache-control", cache_control(metadata_age));
    return response;
}

}  // namespace

// GET /.well-known/jwks.json: the public keys (RFC 7517).
Task<http::Response> get_jwks(http::Request&, Context& context)
{
    co_await context.refresh_keys();
    http::Response response;
    response.headers.add("content-type", "application/jwk-set+json");
    response.headers.add("cache-control", cache_control(std::min(keys_age_max, context.config.key_publish_ahead / 2)));
    response.body = *context.signer.jwks();
    co_return response;
}

// GET /.well-known/oauth-authorization-server (RFC 8414): who issues the tokens and where its keys are.
Task<http::Response> get_oauth_metadata(http::Request&, Context& context) { co_return cacheable(metadata(context)); }

// GET /.well-known/openid-configuration: the same, with what OpenID Connect Discovery adds, for verifiers that look
// there for the keys. There are no ID tokens; the algorithms are those of the access tokens.
Task<http::Response> get_openid_metadata(http::Request&, Context& context)
{
    co_await context.refresh_keys();
    json::object body = metadata(context);
    body["subject_types_supported"] = json::array{"public"};
    auto algorithms = context.signer.algorithms();
    body["id_token_signing_alg_values_supported"] = json::array(algorithms.begin(), algorithms.end());
    json::array claims;
    for (const auto& claim : to_json(identity::Claims{}))
        claims.push_back(json::string(claim.key()));
    body["claims_supported"] = std::move(claims);
    co_return cacheable(body);
}

}  // namespace gatehouse::auth
