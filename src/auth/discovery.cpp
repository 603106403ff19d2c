// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "http/json_body.hpp"

namespace gatehouse::auth {

namespace {

// Short beside the overlap of a key rotation, long beside the time between two requests.
constexpr std::string_view cache_control = "public, max-age=300";

}  // namespace

// GET /.well-known/jwks.json: the public keys (RFC 7517).
Task<http::Response> get_jwks(http::Request&, Context& context)
{
    co_await context.refresh_keys();
    http::Response response;
    response.headers.add("content-type", "application/jwk-set+json");
    response.headers.add("cache-control", cache_control);
    response.body = *context.signer.jwks();
    co_return response;
}

// GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server (RFC 8414): who issues the tokens
// and where its keys are. There is no authorization endpoint.
Task<http::Response> get_discovery(http::Request&, Context& context)
{
    json::object body;
    body["issuer"] = context.config.issuer;
    body["jwks_uri"] = context.config.issuer + "/.well-known/jwks.json";
    body["response_types_supported"] = json::array{};
    body["grant_types_supported"] = json::array{};
    body["subject_types_supported"] = json::array{"public"};
    json::array algorithms;
    algorithms.push_back(json::string(context.config.signing_algorithm));
    body["id_token_signing_alg_values_supported"] = std::move(algorithms);
    auto response = http::json_response(body);
    response.headers.add("cache-control", cache_control);
    co_return response;
}

}  // namespace gatehouse::auth
