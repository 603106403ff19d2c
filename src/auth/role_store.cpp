// SPDX-License-Identifier: Apache-2.0
#include "auth/role_store.hpp"

#include "auth/revocation_store.hpp"
#include "auth/roles.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::auth {

namespace {

Role role_of(const BuiltInRole& role)
{
    return {std::string(role.name), std::string(role.description), role.permissions, true, {}};
}

// A row for each permission, by role; one for a role without any.
std::vector<Role> read_roles(const std::vector<sql::Row>& rows)
{
    std::vector<Role> roles;
    for (const sql::Row& row : rows) {
        if (roles.empty() || roles.back().name != row.text(0))
            roles.push_back({row.text(0), row.text(1), {}, false, from_unix_ms(row.integer(2))});
        if (auto permission = row.find_text(3))
            roles.back().permissions.push_back(*permission);
    }
    return roles;
}

constexpr std::string_view select_roles = "SELECT r.name, r.description, r.created_at, p.permission FROM roles r "
                                          "LEFT JOIN role_permissions p ON p.role = r.name ";

void insert_permissions(sql::Connection& connection, const Role& role)
{
    for (const std::string& permission : role.permissions)
        connection.execute("INSERT INTO role_permissions (role, permission) VALUES (?, ?)", {role.name, permission});
}

bool is_in_use(sql::Connection& connection, std::string_view name)
{
    return !connection.query("SELECT 1 FROM user_roles WHERE role = ? LIMIT 1", {std::string(name)}).empty();
}

}  // namespace

json::object to_json(const Role& role)
{
    json::object object;
    object["name"] = role.name;
    object["description"] = role.description;
    object["permissions"] = json::array(role.permissions.begin(), role.permissions.end());
    object["built_in"] = role.built_in;
    object["created_at"] =
        role.built_in ? json::value(nullptr) : json::value(json::string(format_rfc3339(role.created_at)));
    return object;
}

std::vector<Role> list_roles(sql::Connection& connection)
{
    std::vector<Role> roles;
    for (const BuiltInRole& role : built_in_roles())
        roles.push_back(role_of(role));
    for (Role& role : read_roles(connection.query(fmt::format("{}ORDER BY r.name, p.permission", select_roles))))
        roles.push_back(std::move(role));
    return roles;
}

std::optional<Role> find_role(sql::Connection& connection, std::string_view name)
{
    for (const BuiltInRole& role : built_in_roles())
        if (role.name == name)
            return role_of(role);
    auto rows =
        connection.query(fmt::format("{}WHERE r.name = ? ORDER BY p.permission", select_roles), {std::string(name)});
    if (rows.empty())
        return std::nullopt;
    return read_roles(rows).front();
}

RoleChange insert_role(sql::Connection& connection, const Role& role, TimePoint now)
{
    if (is_built_in_role(role.name))
        return RoleChange::exists;
    if (connection.query("SELECT COUNT(*) FROM roles").at(0).integer(0) >= std::int64_t{own_roles_max})
        return RoleChange::too_many;
    try {
        connection.execute("INSERT INTO roles (name, description, created_at) VALUES (?, ?, ?)",
                           {role.name, role.description, to_unix_ms(now)});
    } catch (const sql::UniqueViolation&) {
        return RoleChange::exists;
    }
    insert_permissions(connection, role);
    return RoleChange::done;
}

RoleChange change_role(sql::Connection& connection, const Role& role, TimePoint now)
{
    if (is_built_in_role(role.name))
        return RoleChange::built_in;
    if (connection.execute("UPDATE roles SET description = ? WHERE name = ?", {role.description, role.name}) == 0)
        return RoleChange::unknown;
    connection.execute("DELETE FROM role_permissions WHERE role = ?", {role.name});
    insert_permissions(connection, role);
    revoke_role(connection, role.name, now);
    return RoleChange::done;
}

RoleChange remove_role(sql::Connection& connection, std::string_view name)
{
    if (is_built_in_role(name))
        return RoleChange::built_in;
    if (is_in_use(connection, name))
        return RoleChange::in_use;
    bool removed = connection.execute("DELETE FROM roles WHERE name = ?", {std::string(name)}) > 0;
    return removed ? RoleChange::done : RoleChange::unknown;
}

std::optional<std::string> find_unknown_role(sql::Connection& connection, const std::vector<std::string>& roles)
{
    for (const std::string& role : roles)
        if (!is_built_in_role(role) && connection.query("SELECT 1 FROM roles WHERE name = ?", {role}).empty())
            return role;
    return std::nullopt;
}

std::vector<std::string> permissions_of(sql::Connection& connection, const std::vector<std::string>& roles)
{
    auto permissions = built_in_permissions(roles);
    for (const std::string& role : roles)
        for (const sql::Row& row : connection.query("SELECT permission FROM role_permissions WHERE role = ?", {role}))
            permissions.push_back(row.text(0));
    make_set(permissions);
    return permissions;
}

}  // namespace gatehouse::auth
