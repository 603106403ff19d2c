// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "identity/bearer.hpp"
#include "identity/identity_fields.hpp"

namespace gatehouse::auth {

// GET, POST /validate: the claims of the bearer token as JSON, and who it is as response fields, for proxies that ask
// before they forward. Those know 401 and 403; so even a malformed field is answered 401 here.
Task<http::Response> validate(http::Request& request, Context& context)
{
    auto token = identity::find_bearer_token(request.head.headers);
    if (!token)
        co_return identity::invalid_token(identity::TokenError::malformed);
    if (token->empty())
        co_return identity::unauthenticated();
    auto claims = context.authenticators.local().verify(*token);
    if (!claims)
        co_return identity::invalid_token(claims.error());
    auto response = private_json(identity::to_json(**claims));
    identity::set_identity_fields(response.headers, **claims);
    co_return response;
}

}  // namespace gatehouse::auth
