// SPDX-License-Identifier: Apache-2.0
#include "auth/roles.hpp"

#include <algorithm>

namespace gatehouse::auth {

namespace {

struct Role {
    std::string_view name;
    std::vector<std::string_view> permissions;
};

const std::vector<Role>& roles()
{
    static const std::vector<Role> table{
        {admin_role, {"admin:*", "files:read", "files:write", "files:read:any", "files:write:any"}},
        {user_role, {"files:read", "files:write"}},
    };
    return table;
}

}  // namespace

bool is_role(std::string_view name) { return std::ranges::find(roles(), name, &Role::name) != roles().end(); }

std::vector<std::string> permissions_of(const std::vector<std::string>& names)
{
    std::vector<std::string> permissions;
    for (const Role& role : roles())
        if (std::ranges::find(names, role.name) != names.end())
            permissions.insert(permissions.end(), role.permissions.begin(), role.permissions.end());
    std::ranges::sort(permissions);
    permissions.erase(std::unique(permissions.begin(), permissions.end()), permissions.end());
    return permissions;
}

}  // namespace gatehouse::auth
