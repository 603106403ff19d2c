// SPDX-License-Identifier: Apache-2.0
// Access tokens of other issuers (RFC 7519, RFC 8725), brought into the form of our own claims. What is checked of
// form, key and signature is what token.hpp checks; what differs is which claims there are.
#pragma once

#include "identity/token.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::identity {

struct ExternalRules {
    std::string name;  // in front of subject and user name, with ':': nobody of ours has one
    std::string issuer;
    std::string audience;
    std::vector<Algorithm> algorithms;                       // empty: all that we know
    bool require_access_token_type = false;                  // typ must be at+jwt; else it may be missing, or JWT
    std::string username_claim;                              // when it is missing: sub
    std::string roles_claim;                                 // "groups", or "realm_access.roles" for one inside another
    std::vector<std::pair<std::string, std::string>> roles;  // from a value of that claim to a role
    std::vector<std::pair<std::string, std::string>> permissions;  // from a role to a permission
    std::chrono::seconds leeway{30};
    std::size_t token_bytes_max = 8 * 1024;
};

// The claims are never `admin`, and belong to no session of ours.
Result<Claims, TokenError> verify_external_token(std::string_view token, const KeySet& keys, const ExternalRules& rules,
                                                 TimePoint now);

// Who says to have issued it, before anything is verified: says whose keys must verify it. nullopt when it is no token.
std::optional<std::string> peek_issuer(std::string_view token);

}  // namespace gatehouse::identity
