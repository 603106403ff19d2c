// SPDX-License-Identifier: Apache-2.0
// Roles in the store, beside the built-in ones. Functions on a connection: the caller gives the transaction. What
// changes a role revokes the tokens that carry it.
#pragma once

#include "base/clock.hpp"
#include "base/json.hpp"
#include "sql/connection.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

struct Role {
    std::string name;
    std::string description;
    std::vector<std::string> permissions;  // sorted
    bool built_in = false;
    TimePoint created_at;  // not of a built-in one
};

json::object to_json(const Role& role);

std::vector<Role> list_roles(sql::Connection& connection);  // the built-in ones, then the others by name
std::optional<Role> find_role(sql::Connection& connection, std::string_view name);

// REQUIRES: name, description and permissions are allowed (roles.hpp).
enum class RoleChange { done, unknown, exists, built_in, in_use, too_many };
RoleChange insert_role(sql::Connection& connection, const Role& role, TimePoint now);
RoleChange change_role(sql::Connection& connection, const Role& role, TimePoint now);
// A role that somebody has stays: who removes it shall know from whom.
RoleChange remove_role(sql::Connection& connection, std::string_view name);

// The first of `roles` that does not exist.
std::optional<std::string> find_unknown_role(sql::Connection& connection, const std::vector<std::string>& roles);
// What they stand for together; sorted, each once.
std::vector<std::string> permissions_of(sql::Connection& connection, const std::vector<std::string>& roles);

}  // namespace gatehouse::auth
