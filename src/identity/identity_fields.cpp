// SPDX-License-Identifier: Apache-2.0
#include "identity/identity_fields.hpp"

#include "http/url.hpp"

#include <algorithm>
#include <vector>

namespace gatehouse::identity {

namespace {

bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '%'; }

// Most texts are sent as they are: nothing is copied then.
void set_text(http::Headers& headers, std::string_view name, std::string_view text)
{
    if (std::ranges::all_of(text, is_plain))
        headers.set(name, text);
    else
        headers.set(name, encode_field_value(text));
}

std::string join_roles(const std::vector<std::string>& roles)
{
    std::string joined;
    for (const std::string& role : roles) {
        if (!joined.empty())
            joined += ',';
        // A comma inside a role's name would make it two roles.
        for (char c : encode_field_value(role)) {
            if (c == ',')
                joined += "%2C";
            else
                joined += c;
        }
    }
    return joined;
}

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
    set_text(headers, "x-user-id", claims.subject);
    set_text(headers, "x-user-name", claims.username);
    headers.set("x-user-roles", join_roles(claims.roles));
}

}  // namespace gatehouse::identity
