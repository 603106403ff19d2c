// SPDX-License-Identifier: Apache-2.0
#include "identity/identity_fields.hpp"

#include "http/url.hpp"

namespace gatehouse::identity {

namespace {

bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '%'; }

}  // namespace

std::string encode_field_value(std::string_view text)
{
    std::string value;
    for (char c : text) {
        if (is_plain(c))
            value += c;
        else
            http::append_percent_encoded(value, c);
    }
    return value;
}

void set_identity_fields(http::Headers& headers, const Claims& claims)
{
    std::string roles;
    for (const std::string& role : claims.roles) {
        if (!roles.empty())
            roles += ',';
        // A comma inside a role's name would make it two roles.
        for (char c : encode_field_value(role)) {
            if (c == ',')
                roles += "%2C";
            else
                roles += c;
        }
    }
    headers.set("x-user-id", encode_field_value(claims.subject));
    headers.set("x-user-name", encode_field_value(claims.username));
    headers.set("x-user-roles", roles);
}

}  // namespace gatehouse::identity
