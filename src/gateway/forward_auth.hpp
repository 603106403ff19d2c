// SPDX-License-Identifier: Apache-2.0
// Forward auth: another proxy asks whether it may let a request through (nginx auth_request, Caddy forward_auth,
// Traefik ForwardAuth, Envoy ext_authz over HTTP). Here it is found out which request that is. No state, any thread.
//
// The question names the original request in fields that the proxy sets, X-Original-Method and X-Original-URI or
// X-Forwarded-Method and X-Forwarded-Uri, or in its path: /validate/orders/7 (Envoy's path_prefix) with the method of
// the question itself. What is said twice must be the same: a proxy that overwrites one of them lets a client say the
// other. The host is named in X-Original-Host, X-Forwarded-Host, or for a question by path in its own Host field.
#pragma once

#include "http/message.hpp"
#include "http/problem.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::gateway {

// "/validate" and everything below it.
bool is_forward_auth_path(std::string_view path);

struct OriginalRequest {
    std::string method;
    std::string target;  // its path in normal form (path.hpp)
    std::string host;    // empty unless routes ask for it
};

// nullopt: the question is only whether the token is good. Throws Problem 403 forward_auth_refused for contradictions,
// for half of a request, and for a path that services read in different ways. With `needs_host`, because some routes
// are for some hosts alone, the proxy must name that too.
std::optional<OriginalRequest> find_original_request(const http::Request& question, bool needs_host);

http::Problem refuse_forward_auth(std::string detail);

}  // namespace gatehouse::gateway
