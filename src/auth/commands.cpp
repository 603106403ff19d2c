// SPDX-License-Identifier: Apache-2.0
#include "auth/commands.hpp"

#include "auth/audit_store.hpp"
#include "auth/key_store.hpp"
#include "auth/key_times.hpp"
#include "auth/names.hpp"
#include "auth/password_rules.hpp"
#include "auth/passwords.hpp"
#include "auth/revocation_lock.hpp"
#include "auth/revocation_store.hpp"
#include "auth/roles.hpp"
#include "auth/schema.hpp"
#include "auth/session_store.hpp"
#include "auth/totp_store.hpp"
#include "auth/user_audit.hpp"
#include "auth/user_store.hpp"
#include "base/id.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gatehouse::auth {

namespace {

constexpr std::size_t users_at_once = 500;
constexpr std::size_t audit_records_at_once = 1000;

UserInfo info_of(const User& user)
{
    return {user.id, user.username, user.email, user.roles, user.disabled, user.created_at};
}

KeyInfo info_of(const StoredKey& stored, TimePoint now)
{
    return {stored.key.id(),
            std::string(to_string(stored.key.algorithm())),
            std::string(state_of(stored, now)),
            stored.created_at,
            stored.activates_at,
            stored.retires_at};
}

std::optional<User> find_named(sql::Connection& connection, std::string_view name)
{
    if (is_id(name))
        if (auto user = find_user(connection, name))
            return user;
    return find_user_by_login(connection, name);
}

AuditEntry by_command_line(std::string_view type = {}, std::string_view target = {}, json::object details = {})
{
    AuditEntry entry;
    entry.type = type;
    entry.actor = command_line_actor;
    entry.details = std::move(details);
    entry.target = target;
    return entry;
}

std::unexpected<std::string> no_such_user(std::string_view name)
{
    return std::unexpected(fmt::format("there is no user \"{}\"", name));
}

std::optional<std::string> check(const Commands::AddUser& form)
{
    auto named = [](std::string_view what, const std::optional<std::string>& wrong) -> std::optional<std::string> {
        if (!wrong)
            return std::nullopt;
        return fmt::format("{}: {}", what, *wrong);
    };
    if (auto wrong = named("user name", check_username(form.username)))
        return wrong;
    if (form.email)
        if (auto wrong = named("e-mail address", check_email(*form.email)))
            return wrong;
    return named("password", check_new_password(form.password.reveal(), {form.username, form.email.value_or("")}));
}

std::optional<std::string> check_roles(sql::Connection& connection, const std::vector<std::string>& roles)
{
    if (roles.size() > roles_of_user_max)
        return fmt::format("a user has at most {} roles", roles_of_user_max);
    if (auto unknown = find_unknown_role(connection, roles))
        return fmt::format("there is no role \"{}\"", *unknown);
    return std::nullopt;
}

std::optional<std::string> check(const Commands::RoleForm& form)
{
    if (auto wrong = check_role_name(form.name))
        return wrong;
    if (auto wrong = check_description(form.description.value_or("")))
        return wrong;
    if (form.permissions.size() > permissions_of_role_max)
        return fmt::format("a role has at most {} permissions", permissions_of_role_max);
    for (const std::string& permission : form.permissions)
        if (auto wrong = check_permission(permission))
            return fmt::format("\"{}\": {}", permission, *wrong);
    return std::nullopt;
}

std::string describe(RoleChange change, std::string_view name)
{
    switch (change) {
    case RoleChange::done: break;
    case RoleChange::unknown: return fmt::format("there is no role \"{}\"", name);
    case RoleChange::exists: return fmt::format("there is a role \"{}\" already", name);
    case RoleChange::built_in: return fmt::format("the role \"{}\" is built in and stays as it is", name);
    case RoleChange::in_use: return fmt::format("somebody has the role \"{}\": take it from them first", name);
    case RoleChange::too_many: return fmt::format("there can be {} roles", own_roles_max);
    }
    return "";
}

json::array list_of(const std::vector<std::string>& names) { return json::array(names.begin(), names.end()); }

}  // namespace

Commands::Commands(sql::Database& database, const SecretBox& secrets, const Clock& clock)
    : database_(database), secrets_(secrets), clock_(clock)
{
}

void Commands::migrate() { auth::migrate(database_); }

Result<UserInfo, std::string> Commands::add_user(AddUser form)
{
    if (form.roles.empty())
        form.roles.emplace_back(user_role);
    if (!form.email && !check_email(form.username))
        form.email = form.username;
    if (auto wrong = check(form))
        return std::unexpected(*wrong);
    NewUser user{form.username, form.email, hash_password(form.password), form.roles};
    TimePoint now = clock_.now();
    auto insert = [&](sql::Connection& connection) -> Result<UserInfo, std::string> {
        if (auto wrong = check_roles(connection, user.roles))
            return std::unexpected(*wrong);
        User made = insert_user(connection, user, now);
        audit_user_created(connection, now, by_command_line(), made);
        return info_of(made);
    };
    try {
        auto added = database_.write_blocking(insert);
        if (added)
            log::info("auth", "user created", {{"user", added->id}, {"by", "command line"}});
        return added;
    } catch (const NameTaken& error) {
        bool by_name = error.which() == NameTaken::Which::username;
        if (by_name)
            return std::unexpected(
                fmt::format("somebody has the user name \"{}\" already: `user roles` gives them other "
                            "roles, `user passwd` a password",
                            form.username));
        return std::unexpected(fmt::format("somebody has the e-mail address \"{}\" already", *form.email));
    }
}

std::vector<UserInfo> Commands::list_users()
{
    std::vector<UserInfo> all;
    while (true) {
        std::string after = all.empty() ? "" : all.back().id;
        auto list = [&](sql::Connection& connection) { return auth::list_users(connection, after, users_at_once); };
        auto users = database_.read_blocking(list);
        for (const User& user : users)
            all.push_back(info_of(user));
        if (users.size() < users_at_once)
            return all;
    }
}

Result<UserInfo, std::string> Commands::show_user(std::string_view name)
{
    auto find = [&](sql::Connection& connection) { return find_named(connection, name); };
    auto user = database_.read_blocking(find);
    if (!user)
        return no_such_user(name);
    return info_of(*user);
}

Result<UserInfo, std::string> Commands::set_password(std::string_view name, Secret password)
{
    auto found = show_user(name);
    if (!found)
        return found;
    if (auto wrong = check_new_password(password.reveal(), {found->username, found->email.value_or("")}))
        return std::unexpected(*wrong);
    std::string hash = hash_password(password);
    TimePoint now = clock_.now();
    auto change = [&](sql::Connection& connection) {
        set_password_hash(connection, found->id, hash);
        end_sessions_of(connection, found->id, "", now);
        add_audit(connection, now, by_command_line("user.password_changed", found->id));
    };
    database_.write_blocking(change);
    log::info("auth", "password changed", {{"user", found->id}, {"by", "command line"}});
    return found;
}

Result<UserInfo, std::string> Commands::set_disabled(std::string_view name, bool disabled)
{
    TimePoint now = clock_.now();
    auto change = [&](sql::Connection& connection) -> Result<UserInfo, std::string> {
        hold_revocations(connection);
        auto user = find_named(connection, name);
        if (!user)
            return no_such_user(name);
        if (disabled && is_last_administrator(connection, *user))
            return std::unexpected("the last enabled administrator cannot be disabled");
        auth::set_disabled(connection, user->id, disabled);
        if (disabled)
            end_sessions_of(connection, user->id, "", now);
        User before = *user;
        user->disabled = disabled;
        audit_user_changed(connection, now, by_command_line(), before, *user);
        return info_of(*user);
    };
    auto changed = database_.write_blocking(change);
    if (changed)
        log::info("auth", disabled ? "user disabled" : "user enabled", {{"user", changed->id}, {"by", "command line"}});
    return changed;
}

Result<UserInfo, std::string> Commands::remove_user(std::string_view name)
{
    TimePoint now = clock_.now();
    auto remove = [&](sql::Connection& connection) -> Result<UserInfo, std::string> {
        hold_revocations(connection);
        auto user = find_named(connection, name);
        if (!user)
            return no_such_user(name);
        if (is_last_administrator(connection, *user))
            return std::unexpected("the last enabled administrator cannot be removed");
        auth::remove_user(connection, user->id);
        revoke_user(connection, user->id, now);
        audit_user_removed(connection, now, by_command_line(), *user);
        return info_of(*user);
    };
    auto removed = database_.write_blocking(remove);
    if (removed)
        log::info("auth", "user removed", {{"user", removed->id}, {"by", "command line"}});
    return removed;
}

Result<UserInfo, std::string> Commands::reset_totp(std::string_view name)
{
    auto reset = [&](sql::Connection& connection) -> Result<UserInfo, std::string> {
        auto user = find_named(connection, name);
        if (!user)
            return no_such_user(name);
        remove_totp(connection, user->id);
        add_audit(connection, clock_.now(), by_command_line("totp.disabled", user->id));
        return info_of(*user);
    };
    auto changed = database_.write_blocking(reset);
    if (changed)
        log::info("auth", "second factor removed", {{"user", changed->id}, {"by", "command line"}});
    return changed;
}

ImportResult Commands::import_users(std::span<const ImportedUser> users, bool skip_existing)
{
    auto insert = [&](sql::Connection& connection) {
        TimePoint now = clock_.now();
        auto result = insert_imported_users(connection, users, skip_existing, now);
        if (result.imported > 0)
            add_audit(connection, now, by_command_line("user.imported", "", {{"count", result.imported}}));
        return result;
    };
    return database_.write_blocking(insert);
}

Result<UserInfo, std::string> Commands::set_roles(std::string_view name, std::vector<std::string> roles)
{
    make_set(roles);
    TimePoint now = clock_.now();
    auto change = [&](sql::Connection& connection) -> Result<UserInfo, std::string> {
        hold_revocations(connection);
        auto user = find_named(connection, name);
        if (!user)
            return no_such_user(name);
        if (auto wrong = check_roles(connection, roles))
            return std::unexpected(*wrong);
        if (std::ranges::find(roles, admin_role) == roles.end() && is_last_administrator(connection, *user))
            return std::unexpected("the last enabled administrator must stay one");
        if (user->roles != roles) {
            auth::set_roles(connection, user->id, roles);
            revoke_user(connection, user->id, now);
        }
        User before = *user;
        user->roles = roles;
        audit_user_changed(connection, now, by_command_line(), before, *user);
        return info_of(*user);
    };
    auto changed = database_.write_blocking(change);
    if (changed)
        log::info("auth", "user changed",
                  {{"user", changed->id}, {"roles", fmt::format("{}", fmt::join(roles, ","))}, {"by", "command line"}});
    return changed;
}

std::vector<Role> Commands::list_roles() { return database_.read_blocking(auth::list_roles); }

Result<Role, std::string> Commands::add_role(RoleForm form)
{
    if (auto wrong = check(form))
        return std::unexpected(*wrong);
    make_set(form.permissions);
    TimePoint now = clock_.now();
    Role role{form.name, form.description.value_or(""), form.permissions, false, now};
    auto insert = [&](sql::Connection& connection) -> Result<Role, std::string> {
        RoleChange outcome = insert_role(connection, role, now);
        if (outcome != RoleChange::done)
            return std::unexpected(describe(outcome, role.name));
        add_audit(connection, now,
                  by_command_line("role.created", role.name, {{"permissions", list_of(role.permissions)}}));
        return role;
    };
    auto added = database_.write_blocking(insert);
    if (added)
        log::info("auth", "role created", {{"role", role.name}, {"by", "command line"}});
    return added;
}

Result<Role, std::string> Commands::set_role(RoleForm form)
{
    if (auto wrong = check(form))
        return std::unexpected(*wrong);
    make_set(form.permissions);
    TimePoint now = clock_.now();
    auto change = [&](sql::Connection& connection) -> Result<Role, std::string> {
        auto role = find_role(connection, form.name);
        if (!role)
            return std::unexpected(describe(RoleChange::unknown, form.name));
        auto before = std::exchange(role->permissions, form.permissions);
        role->description = form.description.value_or(role->description);
        RoleChange outcome = change_role(connection, *role, now);
        if (outcome != RoleChange::done)
            return std::unexpected(describe(outcome, form.name));
        add_audit(connection, now,
                  by_command_line("role.changed", form.name,
                                  {{"from", list_of(before)}, {"to", list_of(role->permissions)}}));
        return *role;
    };
    auto changed = database_.write_blocking(change);
    if (changed)
        log::info("auth", "role changed", {{"role", form.name}, {"by", "command line"}});
    return changed;
}

Result<Role, std::string> Commands::remove_role(std::string_view name)
{
    TimePoint now = clock_.now();
    auto remove = [&](sql::Connection& connection) -> Result<Role, std::string> {
        auto role = find_role(connection, name);
        if (!role)
            return std::unexpected(describe(RoleChange::unknown, name));
        RoleChange outcome = auth::remove_role(connection, name);
        if (outcome != RoleChange::done)
            return std::unexpected(describe(outcome, name));
        add_audit(connection, now,
                  by_command_line("role.removed", name, {{"permissions", list_of(role->permissions)}}));
        return *role;
    };
    auto removed = database_.write_blocking(remove);
    if (removed)
        log::info("auth", "role removed", {{"role", name}, {"by", "command line"}});
    return removed;
}

std::vector<KeyInfo> Commands::list_keys()
{
    std::vector<KeyInfo> keys;
    auto load = [this](sql::Connection& connection) { return load_keys(connection, secrets_); };
    for (const StoredKey& key : database_.read_blocking(load))
        keys.push_back(info_of(key, clock_.now()));
    return keys;
}

Result<KeyInfo, std::string> Commands::rotate_key(const Rotation& rotation)
{
    auto algorithm = identity::find_algorithm(rotation.algorithm);
    if (!algorithm)
        return std::unexpected(fmt::format("\"{}\" is none of EdDSA, ES256, RS256", rotation.algorithm));
    TimePoint now = clock_.now();
    TimePoint activates_at = now + rotation.ahead;
    auto rotate = [&](sql::Connection& connection) -> Result<KeyInfo, std::string> {
        sweep_keys(connection, now - key_overlap(rotation.access_token_ttl));
        seal_plain_keys(connection, secrets_);
        // Throws when this is not the key of the others.
        if (load_keys(connection, secrets_).size() >= keys_published_max)
            return std::unexpected(fmt::format("{} keys are published already: the oldest must expire first, {} "
                                               "seconds after they were retired",
                                               keys_published_max, key_overlap(rotation.access_token_ttl).count()));
        add_key(connection, secrets_, {*algorithm, now, activates_at});
        StoredKey made = std::move(load_keys(connection, secrets_).front());
        add_audit(connection, now, rotation_entry(made.key, activates_at, command_line_actor));
        return info_of(made, now);
    };
    auto made = database_.write_blocking(rotate);
    if (made)
        log::info("auth", "signing key made",
                  {{"kid", made->id}, {"signs_from", format_rfc3339(activates_at)}, {"by", "command line"}});
    return made;
}

std::vector<AuditRecord> Commands::list_audit(const AuditFilter& filter, std::size_t limit)
{
    auto list = [&](sql::Connection& connection) { return auth::list_audit(connection, filter, std::nullopt, limit); };
    return database_.read_blocking(list);
}

AuditCheck Commands::verify_audit(const std::optional<KnownHead>& known)
{
    AuditCheck check;
    while (!check.done) {
        auto go_on = [&](sql::Connection& connection) { return check_audit(connection, check, audit_records_at_once); };
        check = database_.read_blocking(go_on);
    }
    if (!known || !check.wrong.empty())
        return check;
    auto find = [&](sql::Connection& connection) { return find_audit_hash(connection, known->count); };
    if (database_.read_blocking(find) != known->head) {
        check.first_wrong = known->count;
        check.wrong = "it is not the one that it was: the log was written anew";
    }
    return check;
}

json::object to_json(const UserInfo& user)
{
    json::object object;
    object["id"] = user.id;
    object["username"] = user.username;
    object["email"] = user.email ? json::value(json::string(*user.email)) : json::value(nullptr);
    object["roles"] = json::array(user.roles.begin(), user.roles.end());
    object["disabled"] = user.disabled;
    object["created_at"] = format_rfc3339(user.created_at);
    return object;
}

json::object to_json(const KeyInfo& key)
{
    auto time = [](TimePoint at) { return json::value(json::string(format_rfc3339(at))); };
    json::object object;
    object["kid"] = key.id;
    object["algorithm"] = key.algorithm;
    object["state"] = key.state;
    object["created_at"] = time(key.created_at);
    object["activates_at"] = time(key.activates_at);
    object["retires_at"] = key.retires_at ? time(*key.retires_at) : json::value(nullptr);
    return object;
}

}  // namespace gatehouse::auth
