// SPDX-License-Identifier: Apache-2.0
#include "auth/grants.hpp"

#include "auth/role_store.hpp"
#include "auth/roles.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

constexpr std::string_view everything = "admin:*";

bool may_give(const User& by, const std::vector<std::string>& permissions)
{
    if (covers(by.permissions, {std::string(everything)}))
        return true;
    auto giveable = by.permissions;
    for (const std::string& permission : built_in_permissions({std::string(user_role)}))
        giveable.push_back(permission);
    return covers(giveable, permissions);
}

http::Problem beyond(std::string detail)
{
    return http::Problem::forbidden("beyond_own_permissions", std::move(detail));
}

}  // namespace

void require_may_give(const User& by, const std::vector<std::string>& permissions)
{
    if (!may_give(by, permissions))
        throw beyond("You can only give permissions that you have yourself.");
}

void require_may_give_roles(sql::Connection& connection, const User& by, const std::vector<std::string>& roles)
{
    if (auto unknown = find_unknown_role(connection, roles))
        throw http::Problem::invalid({{"/roles", fmt::format("There is no role \"{}\".", *unknown)}});
    require_may_give(by, permissions_of(connection, roles));
}

void require_may_manage(const User& by, const User& target)
{
    if (!may_give(by, target.permissions))
        throw beyond("This user may do more than you.");
}

}  // namespace gatehouse::auth
