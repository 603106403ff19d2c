// SPDX-License-Identifier: Apache-2.0
// Who is calling: the claims of a verified access token (RFC 9068 with a few of our own).
#pragma once

#include "base/clock.hpp"
#include "base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::identity {

struct Claims {
    std::string issuer;
    std::string subject;  // the user's id
    std::string audience;
    std::string token_id;        // jti
    std::string session_id;      // sid
    std::int64_t issued_at = 0;  // seconds since 1970
    std::int64_t expires_at = 0;
    std::string username;
    std::vector<std::string> roles;
    std::vector<std::string> permissions;
    bool admin = false;
    std::int64_t revocation = 0;  // rev: the last revocation when the user was read (revocation_list.hpp)

    // True for the permission itself; "admin:*" grants every permission that begins with "admin:", "*" all.
    bool may(std::string_view permission) const;

    // Of another issuer (external_token.hpp): no user and no session of ours.
    bool is_external() const { return session_id.empty(); }

    bool operator==(const Claims&) const = default;
};

json::object
to_json(const Claims& claims);  // iss, sub, aud, jti, sid, iat, exp, username, roles, permissions, admin, rev

}  // namespace gatehouse::identity
