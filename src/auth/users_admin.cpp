// SPDX-License-Identifier: Apache-2.0
#include "auth/account_events.hpp"
#include "auth/endpoints.hpp"
#include "auth/grants.hpp"
#include "auth/revocation_lock.hpp"
#include "auth/revocation_store.hpp"
#include "auth/roles.hpp"
#include "auth/session_store.hpp"
#include "auth/token_store.hpp"
#include "auth/user_audit.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"
#include "http/page.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace gatehouse::auth {

namespace {

constexpr std::string_view permission = "admin:users";

http::Problem no_such_user() { return http::Problem::not_found("user_not_found", "There is no user with this id."); }

struct Change {
    std::optional<bool> disabled;
    std::optional<std::vector<std::string>> roles;
};

Change read_change(const json::object& form)
{
    Change change;
    std::vector<http::FieldError> errors;
    for (const auto& [name, value] : form) {
        if (name == "disabled" && value.is_bool())
            change.disabled = value.get_bool();
        else if (name == "disabled")
            errors.push_back({"/disabled", "true or false is needed here."});
        else if (name == "roles")
            change.roles = read_roles(value, errors);
        else
            errors.push_back({fmt::format("/{}", std::string_view(name)), "This cannot be changed."});
    }
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    return change;
}

http::Problem last_admin()
{
    return http::Problem::conflict("last_admin", "The last enabled administrator must stay one.");
}

// The user before the change and after it. Throws Problem.
std::pair<User, User> apply(sql::Connection& connection, const User& by, const std::string& id, const Change& change,
                            TimePoint now)
{
    hold_revocations(connection);
    auto before = find_user(connection, id);
    if (!before)
        throw no_such_user();
    require_may_manage(by, *before);
    if (change.roles)
        require_may_give_roles(connection, by, *change.roles);
    User after = *before;
    after.disabled = change.disabled.value_or(before->disabled);
    after.roles = change.roles.value_or(before->roles);
    bool stays_admin = !after.disabled && after.has_role(admin_role);
    if (!stays_admin && is_last_administrator(connection, *before))
        throw last_admin();
    if (change.disabled)
        set_disabled(connection, id, *change.disabled);
    if (change.roles)
        set_roles(connection, id, *change.roles);
    if (after.disabled)
        end_sessions_of(connection, id, "", now);
    else if (after.roles != before->roles)
        revoke_user(connection, id, now);
    return {*before, find_user(connection, id).value()};
}

void invite(sql::Connection& connection, Context& context, const User& user, TimePoint now)
{
    json::object ticket;
    ticket["ticket"] =
        add_token(connection, context.service_key, {TokenPurpose::invitation, user.id, user.email.value()}, now);
    announce_account(connection, user_invited, user, now, std::move(ticket));
}

}  // namespace

// GET /admin/users: all users, a page at a time.
Task<http::Response> list_users_page(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    auto page = http::read_page(request.query(), {.is_cursor = is_id});
    auto list = [&](sql::Connection& connection) { return list_users(connection, page.cursor, page.limit + 1); };
    auto users = co_await context.database.read(list);
    json::value next = nullptr;
    if (users.size() > page.limit) {
        users.pop_back();
        next = json::string(users.back().id);
    }
    json::array items;
    for (const User& user : users)
        items.push_back(user_json(user));
    json::object body;
    body["items"] = std::move(items);
    body["next"] = std::move(next);
    co_return private_json(body);
}

// POST /admin/users: makes a user; the role is `user` unless roles are named. Without a password the user is invited: a
// link is mailed, by which they set one.
Task<http::Response> create_user(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    bool invites = !form.contains("password");
    UserForm fields = invites ? read_invitation_form(form, errors) : read_user_form(form, errors);
    std::vector<std::string> roles{std::string(user_role)};
    if (const json::value* named = form.if_contains("roles"))
        roles = read_roles(*named, errors);
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));

    NewUser wanted{fields.username, fields.email, {}, std::move(roles)};
    if (!invites)
        wanted.password_hash = co_await context.passwords.hash(std::move(fields.password));
    TimePoint now = context.clock.now();
    auto insert = [&](sql::Connection& connection) {
        require_may_give_roles(connection, caller.user, wanted.roles);
        User made = insert_user(connection, wanted, now);
        if (invites)
            invite(connection, context, made, now);
        audit_user_created(connection, now, audit_entry(request, "", caller.user.id, made.id), made);
        return made;
    };
    std::optional<User> user;
    std::optional<NameTaken> taken;
    try {
        user = co_await context.database.write(insert);
    } catch (const NameTaken& error) {
        taken = error;
    }
    if (taken)
        co_return name_taken(*taken);
    context.announce();
    log::info("auth", "user created", {{"user", user->id}, {"by", caller.user.id}, {"request_id", request.request_id}});
    auto response = private_json(user_json(*user), 201);
    response.headers.add("location", fmt::format("/admin/users/{}", user->id));
    co_return response;
}

// GET /admin/users/{id}: one user.
Task<http::Response> get_user(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    std::string id = request.path_parameters.at(0);
    auto find = [&](sql::Connection& connection) { return find_user(connection, id); };
    auto user = co_await context.database.read(find);
    if (!user)
        co_return no_such_user();
    co_return private_json(user_json(*user));
}

// PATCH /admin/users/{id}: disables, enables, gives roles. The last enabled administrator stays one.
Task<http::Response> change_user(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    std::string id = request.path_parameters.at(0);
    auto form = co_await http::read_json(request, form_bytes_max);
    Change change = read_change(form);
    TimePoint now = context.clock.now();
    AuditEntry by = audit_entry(request, "", caller.user.id, id);
    auto write = [&](sql::Connection& connection) {
        auto [before, after] = apply(connection, caller.user, id, change, now);
        audit_user_changed(connection, now, by, before, after);
        return after;
    };
    User user = co_await context.database.write(write);
    context.revocations.notify();
    log::info("auth", "user changed",
              {{"user", id},
               {"disabled", user.disabled},
               {"roles", fmt::format("{}", fmt::join(user.roles, ","))},
               {"by", caller.user.id},
               {"request_id", request.request_id}});
    co_return private_json(user_json(user));
}

// DELETE /admin/users/{id}: removes a user, and lets none of their tokens in any more. Their files stay.
Task<http::Response> delete_user(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    std::string id = request.path_parameters.at(0);
    TimePoint now = context.clock.now();
    auto remove = [&](sql::Connection& connection) {
        hold_revocations(connection);
        auto user = find_user(connection, id);
        if (!user)
            throw no_such_user();
        require_may_manage(caller.user, *user);
        if (is_last_administrator(connection, *user))
            throw last_admin();
        remove_user(connection, id);
        revoke_user(connection, id, now);
        audit_user_removed(connection, now, audit_entry(request, "", caller.user.id, id), *user);
    };
    co_await context.database.write(remove);
    context.revocations.notify();
    log::info("auth", "user removed", {{"user", id}, {"by", caller.user.id}, {"request_id", request.request_id}});
    co_return http::no_content();
}

}  // namespace gatehouse::auth
