// SPDX-License-Identifier: Apache-2.0
#include "auth/roles.hpp"

#include "auth/names.hpp"
#include "base/encoding.hpp"
#include "identity/claims.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::auth {

namespace {

constexpr std::size_t name_characters_max = 64;

bool is_small_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_name_character(char c) { return is_small_letter(c) || (c >= '0' && c <= '9') || c == '-'; }

}  // namespace

std::span<const BuiltInRole> built_in_roles()
{
    static const std::vector<BuiltInRole> table{
        {admin_role,
         "May do everything.",
         {"admin:*", "files:read", "files:read:any", "files:write", "files:write:any"}},
        {user_role, "May keep files of their own.", {"files:read", "files:write"}},
    };
    return table;
}

bool is_built_in_role(std::string_view name)
{
    return std::ranges::find(built_in_roles(), name, &BuiltInRole::name) != built_in_roles().end();
}

std::vector<std::string> built_in_permissions(const std::vector<std::string>& names)
{
    std::vector<std::string> permissions;
    for (const BuiltInRole& role : built_in_roles())
        if (std::ranges::find(names, role.name) != names.end())
            permissions.insert(permissions.end(), role.permissions.begin(), role.permissions.end());
    make_set(permissions);
    return permissions;
}

std::optional<std::string> check_role_name(std::string_view name)
{
    if (name.empty() || name.size() > name_characters_max || !std::ranges::all_of(name, is_name_character) ||
        !is_small_letter(name.front()))
        return fmt::format("A role's name has 1 to {} small letters, digits and \"-\", a letter first.",
                           name_characters_max);
    return std::nullopt;
}

std::optional<std::string> check_permission(std::string_view permission)
{
    std::string_view rest = permission.size() <= name_characters_max ? permission : std::string_view();
    if (rest.ends_with(":*"))
        rest.remove_suffix(2);
    while (!rest.empty()) {
        auto end = std::min(rest.find(':'), rest.size());
        if (end == 0 || end + 1 == rest.size() || !std::ranges::all_of(rest.substr(0, end), is_name_character))
            break;
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (rest.empty())
            return std::nullopt;
    }
    return fmt::format("A permission is written like \"orders:read\" or \"orders:*\": at most {} small letters, "
                       "digits, \"-\" and \":\".",
                       name_characters_max);
}

std::optional<std::string> check_description(std::string_view description)
{
    bool one_line = std::ranges::none_of(description, [](char c) { return static_cast<unsigned char>(c) < ' '; });
    if (!is_utf8(description) || !one_line || count_characters(description) > description_characters_max)
        return fmt::format("A description is one line of at most {} characters.", description_characters_max);
    return std::nullopt;
}

bool covers(const std::vector<std::string>& granted, const std::vector<std::string>& wanted)
{
    identity::Claims claims;
    claims.permissions = granted;
    return std::ranges::all_of(wanted, [&](const std::string& permission) { return claims.may(permission); });
}

void make_set(std::vector<std::string>& names)
{
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace gatehouse::auth
