// SPDX-License-Identifier: Apache-2.0
#include "identity/claims.hpp"

namespace gatehouse::identity {

bool Claims::may(std::string_view permission) const
{
    for (const std::string& granted : permissions) {
        if (granted == permission)
            return true;
        if (granted == "*")
            return true;
        if (granted.ends_with(":*") && permission.starts_with(std::string_view(granted).substr(0, granted.size() - 1)))
            return true;
    }
    return false;
}

json::object to_json(const Claims& claims)
{
    json::object object;
    object["iss"] = claims.issuer;
    object["sub"] = claims.subject;
    object["aud"] = claims.audience;
    object["jti"] = claims.token_id;
    object["sid"] = claims.session_id;
    object["iat"] = claims.issued_at;
    object["exp"] = claims.expires_at;
    object["username"] = claims.username;
    object["roles"] = json::array(claims.roles.begin(), claims.roles.end());
    object["permissions"] = json::array(claims.permissions.begin(), claims.permissions.end());
    object["admin"] = claims.admin;
    object["rev"] = claims.revocation;
    return object;
}

}  // namespace gatehouse::identity
