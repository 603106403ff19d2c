// SPDX-License-Identifier: Apache-2.0
// Bearer credentials in requests and the refusals of RFC 6750 section 3, the same from every role.
#pragma once

#include "http/problem.hpp"
#include "identity/token.hpp"

#include <optional>
#include <string_view>

namespace gatehouse::identity {

// The token of the Authorization field: empty when there is no field or one of another scheme; nullopt when the field
// is sent twice or `Bearer` is not followed by exactly one token (RFC 6750 section 2.1).
std::optional<std::string_view> find_bearer_token(const http::Headers& headers);

http::Problem unauthenticated();                                // 401 unauthenticated, no error parameter
http::Problem malformed_credentials();                          // 400 invalid_request
http::Problem invalid_token(TokenError error);                  // 401 invalid_token
http::Problem insufficient_scope(std::string_view permission);  // 403 insufficient_scope

}  // namespace gatehouse::identity
