// SPDX-License-Identifier: Apache-2.0
#include "auth/audit_store.hpp"
#include "auth/endpoints.hpp"
#include "auth/grants.hpp"
#include "auth/role_store.hpp"
#include "auth/roles.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

constexpr std::string_view permission = "admin:roles";
constexpr std::size_t role_bytes_max = 16 * 1024;

std::vector<std::string> read_permissions(const json::object& form, std::vector<http::FieldError>& errors)
{
    std::vector<std::string> permissions;
    const json::value* value = form.if_contains("permissions");
    if (!value || !value->is_array()) {
        errors.push_back({"/permissions", "A list of permissions is needed here."});
        return permissions;
    }
    const json::array& list = value->get_array();
    if (list.size() > permissions_of_role_max)
        errors.push_back({"/permissions", fmt::format("At most {} permissions.", permissions_of_role_max)});
    for (std::size_t i = 0; i < std::min(list.size(), permissions_of_role_max); ++i) {
        std::string text(list[i].is_string() ? std::string_view(list[i].get_string()) : std::string_view());
        if (auto wrong = check_permission(text))
            errors.push_back({fmt::format("/permissions/{}", i), *wrong});
        permissions.push_back(std::move(text));
    }
    make_set(permissions);
    return permissions;
}

// The role of a form; its name comes from the path when `name` is given.
Role read_role(const json::object& form, std::optional<std::string> name)
{
    std::vector<http::FieldError> errors;
    Role role;
    role.name = name ? *name : read_string(form, "name", errors);
    if (errors.empty() && !name)
        if (auto wrong = check_role_name(role.name))
            errors.push_back({"/name", *wrong});
    if (form.contains("description"))
        role.description = read_string(form, "description", errors);
    if (auto wrong = check_description(role.description))
        errors.push_back({"/description", *wrong});
    role.permissions = read_permissions(form, errors);
    for (const auto& [member, value] : form)
        if (member != "name" && member != "description" && member != "permissions")
            errors.push_back({fmt::format("/{}", std::string_view(member)), "A role has no such thing."});
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    return role;
}

http::Problem no_such_role() { return http::Problem::not_found("role_not_found", "There is no role with this name."); }

// Throws for everything but `done`.
void require_done(RoleChange change)
{
    switch (change) {
    case RoleChange::done: return;
    case RoleChange::unknown: throw no_such_role();
    case RoleChange::exists: throw http::Problem::conflict("role_exists", "There is a role with this name already.");
    case RoleChange::built_in:
        throw http::Problem::conflict("role_built_in", "A built-in role cannot be changed or removed.");
    case RoleChange::in_use:
        throw http::Problem::conflict("role_in_use", "Somebody has this role: take it from them first.");
    case RoleChange::too_many:
        throw http::Problem::conflict("too_many_roles", fmt::format("There can be {} roles.", own_roles_max));
    }
}

json::array list_of(const std::vector<std::string>& names) { return json::array(names.begin(), names.end()); }

}  // namespace

// GET /admin/roles: all of them, the built-in ones first. There are few enough for one page.
Task<http::Response> list_roles_page(http::Request& request, Context& context)
{
    co_await require_caller(request, context, permission);
    auto roles = co_await context.database.read(list_roles);
    json::array items;
    for (const Role& role : roles)
        items.push_back(to_json(role));
    json::object body;
    body["items"] = std::move(items);
    body["next"] = nullptr;
    co_return private_json(body);
}

// POST /admin/roles: a new role. Nobody gives it more than they have.
Task<http::Response> create_role(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    Role role = read_role(co_await http::read_json(request, role_bytes_max), std::nullopt);
    role.created_at = context.clock.now();
    auto entry =
        audit_entry(request, "role.created", caller.user.id, role.name, {{"permissions", list_of(role.permissions)}});
    auto insert = [&](sql::Connection& connection) {
        require_may_give(caller.user, role.permissions);
        require_done(insert_role(connection, role, role.created_at));
        add_audit(connection, role.created_at, entry);
    };
    co_await context.database.write(insert);
    log::info("auth", "role created",
              {{"role", role.name}, {"by", caller.user.id}, {"request_id", request.request_id}});
    auto response = private_json(to_json(role), 201);
    response.headers.add("location", fmt::format("/admin/roles/{}", role.name));
    co_return response;
}

// GET /admin/roles/{name}: one role.
Task<http::Response> get_role(http::Request& request, Context& context)
{
    co_await require_caller(request, context, permission);
    std::string name = request.path_parameters.at(0);
    auto find = [&](sql::Connection& connection) { return find_role(connection, name); };
    auto role = co_await context.database.read(find);
    if (!role)
        co_return no_such_role();
    co_return private_json(to_json(*role));
}

// PUT /admin/roles/{name}: other permissions for a role, from the next request of everybody who has it.
Task<http::Response> put_role(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    Role role = read_role(co_await http::read_json(request, role_bytes_max), request.path_parameters.at(0));
    TimePoint now = context.clock.now();
    auto change = [&](sql::Connection& connection) {
        auto before = find_role(connection, role.name);
        if (!before)
            throw no_such_role();
        require_may_give(caller.user, before->permissions);
        require_may_give(caller.user, role.permissions);
        require_done(change_role(connection, role, now));
        add_audit(connection, now,
                  audit_entry(request, "role.changed", caller.user.id, role.name,
                              {{"from", list_of(before->permissions)}, {"to", list_of(role.permissions)}}));
        role.created_at = before->created_at;
    };
    co_await context.database.write(change);
    context.revocations.notify();
    log::info("auth", "role changed",
              {{"role", role.name}, {"by", caller.user.id}, {"request_id", request.request_id}});
    co_return private_json(to_json(role));
}

// DELETE /admin/roles/{name}: removes a role that nobody has.
Task<http::Response> delete_role(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    std::string name = request.path_parameters.at(0);
    TimePoint now = context.clock.now();
    auto remove = [&](sql::Connection& connection) {
        auto role = find_role(connection, name);
        if (!role)
            throw no_such_role();
        require_may_give(caller.user, role->permissions);
        require_done(remove_role(connection, name));
        add_audit(
            connection, now,
            audit_entry(request, "role.removed", caller.user.id, name, {{"permissions", list_of(role->permissions)}}));
    };
    co_await context.database.write(remove);
    log::info("auth", "role removed", {{"role", name}, {"by", caller.user.id}, {"request_id", request.request_id}});
    co_return http::no_content();
}

}  // namespace gatehouse::auth
