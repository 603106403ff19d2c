// SPDX-License-Identifier: Apache-2.0
#include "auth/user_store.hpp"

#include "auth/names.hpp"
#include "auth/outbox.hpp"
#include "auth/role_store.hpp"
#include "auth/roles.hpp"
#include "auth/setup_store.hpp"
#include "base/id.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::auth {

namespace {

constexpr std::string_view select_users =
    "SELECT u.id, u.username, u.email, u.password_hash, u.disabled, u.created_at, "
    "(SELECT GROUP_CONCAT(r.role) FROM user_roles r WHERE r.user_id = u.id), "
    "(SELECT GROUP_CONCAT(DISTINCT p.permission) FROM user_roles r JOIN role_permissions p ON p.role = r.role "
    "WHERE r.user_id = u.id), u.email_verified_at, u.totp_enabled_at FROM users u ";

std::vector<std::string> split_names(std::string_view text)
{
    std::vector<std::string> names;
    while (!text.empty()) {
        auto comma = std::min(text.find(','), text.size());
        names.emplace_back(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    std::ranges::sort(names);
    return names;
}

User read_user(const sql::Row& row)
{
    User user;
    user.id = row.text(0);
    user.username = row.text(1);
    user.email = row.find_text(2);
    user.password_hash = row.text(3);
    user.disabled = row.integer(4) != 0;
    user.created_at = from_unix_ms(row.integer(5));
    user.roles = split_names(row.find_text(6).value_or(""));
    user.permissions = built_in_permissions(user.roles);
    for (std::string& permission : split_names(row.find_text(7).value_or("")))
        user.permissions.push_back(std::move(permission));
    make_set(user.permissions);
    user.email_verified = !row.is_null(8);
    user.totp_enabled = !row.is_null(9);
    return user;
}

void insert_login_name(sql::Connection& connection, const std::string& name, const std::string& user_id,
                       NameTaken::Which which)
{
    try {
        connection.execute("INSERT INTO login_names (name, user_id) VALUES (?, ?)", {name, user_id});
    } catch (const sql::UniqueViolation&) {
        throw NameTaken(which);
    }
}

// `changed` is the one that somebody else may have.
void replace_login_names(sql::Connection& connection, const std::string& user_id, const std::string& username,
                         const std::optional<std::string>& email, NameTaken::Which changed)
{
    connection.execute("DELETE FROM login_names WHERE user_id = ?", {user_id});
    std::string name = fold_name(username).value();
    insert_login_name(connection, name, user_id, changed);
    if (email && fold_name(*email) != name)
        insert_login_name(connection, fold_name(*email).value(), user_id, changed);
}

void insert_roles(sql::Connection& connection, const std::string& id, const std::vector<std::string>& roles)
{
    for (const std::string& role : roles)
        connection.execute("INSERT INTO user_roles (user_id, role) VALUES (?, ?)", {id, role});
}

void announce_created(sql::Connection& connection, const User& user)
{
    events::Event event;
    event.id = make_id();
    event.type = "user.created";
    event.source = "/auth";
    event.subject = user.id;
    event.time = user.created_at;
    event.data["id"] = user.id;
    event.data["username"] = user.username;
    if (user.email)
        event.data["email"] = *user.email;
    add_to_outbox(connection, event);
}

}  // namespace

bool User::has_role(std::string_view role) const { return std::ranges::find(roles, role) != roles.end(); }

std::optional<User> find_user(sql::Connection& connection, std::string_view id)
{
    auto rows = connection.query(fmt::format("{}WHERE u.id = ?", select_users), {std::string(id)});
    if (rows.empty())
        return std::nullopt;
    return read_user(rows[0]);
}

std::optional<User> find_user_by_login(sql::Connection& connection, std::string_view username_or_email)
{
    auto folded = fold_name(username_or_email);
    // Even for what cannot be a name, so that the time is the same.
    auto rows = connection.query(fmt::format("{}JOIN login_names l ON l.user_id = u.id WHERE l.name = ?", select_users),
                                 {folded.value_or("")});
    if (rows.empty() || !folded)
        return std::nullopt;
    return read_user(rows[0]);
}

std::vector<User> list_users(sql::Connection& connection, std::string_view after_id, std::size_t limit)
{
    auto rows = connection.query(fmt::format("{}WHERE u.id > ? ORDER BY u.id LIMIT ?", select_users),
                                 {std::string(after_id), static_cast<std::int64_t>(limit)});
    std::vector<User> users;
    users.reserve(rows.size());
    for (const sql::Row& row : rows)
        users.push_back(read_user(row));
    return users;
}

User insert_user(sql::Connection& connection, NewUser form, TimePoint now)
{
    User user;
    user.id = make_id();
    user.username = std::move(form.username);
    user.email = std::move(form.email);
    user.password_hash = std::move(form.password_hash);
    user.roles = std::move(form.roles);
    user.email_verified = form.email_verified;
    user.created_at = now;
    make_set(user.roles);
    user.permissions = permissions_of(connection, user.roles);

    sql::Value email;
    if (user.email)
        email = *user.email;
    connection.execute(
        "INSERT INTO users (id, username, email, password_hash, disabled, created_at) VALUES (?, ?, ?, ?, 0, ?)",
        {user.id, user.username, email, user.password_hash, to_unix_ms(now)});
    std::string name = fold_name(user.username).value();
    insert_login_name(connection, name, user.id, NameTaken::Which::username);
    if (user.email && fold_name(*user.email) != name)
        insert_login_name(connection, fold_name(*user.email).value(), user.id, NameTaken::Which::email);
    if (user.email_verified)
        set_email_verified(connection, user.id, now);
    insert_roles(connection, user.id, user.roles);
    if (user.has_role(admin_role))
        clear_setup_tokens(connection);
    announce_created(connection, user);
    return user;
}

bool is_unchanged(sql::Connection& connection, std::string_view id, std::string_view password_hash)
{
    auto rows = connection.query("SELECT password_hash FROM users WHERE id = ? AND disabled = 0", {std::string(id)});
    return !rows.empty() && rows[0].text(0) == password_hash;
}

void set_password_hash(sql::Connection& connection, std::string_view id, const std::string& password_hash)
{
    connection.execute("UPDATE users SET password_hash = ? WHERE id = ?", {password_hash, std::string(id)});
}

void set_email_verified(sql::Connection& connection, std::string_view id, TimePoint now)
{
    connection.execute("UPDATE users SET email_verified_at = ? WHERE id = ?", {to_unix_ms(now), std::string(id)});
}

void set_email(sql::Connection& connection, const User& user, const std::string& email, TimePoint now)
{
    connection.execute("UPDATE users SET email = ?, email_verified_at = ? WHERE id = ?",
                       {email, to_unix_ms(now), user.id});
    replace_login_names(connection, user.id, user.username, email, NameTaken::Which::email);
}

void set_username(sql::Connection& connection, const User& user, const std::string& username)
{
    connection.execute("UPDATE users SET username = ? WHERE id = ?", {username, user.id});
    replace_login_names(connection, user.id, username, user.email, NameTaken::Which::username);
}

void set_disabled(sql::Connection& connection, std::string_view id, bool disabled)
{
    connection.execute("UPDATE users SET disabled = ? WHERE id = ?", {std::int64_t{disabled}, std::string(id)});
}

void set_roles(sql::Connection& connection, std::string_view id, const std::vector<std::string>& roles)
{
    connection.execute("DELETE FROM user_roles WHERE user_id = ?", {std::string(id)});
    insert_roles(connection, std::string(id), roles);
}

void remove_user(sql::Connection& connection, std::string_view id)
{
    connection.execute("DELETE FROM users WHERE id = ?", {std::string(id)});
}

bool has_administrator(sql::Connection& connection)
{
    auto rows = connection.query("SELECT COUNT(*) FROM user_roles WHERE role = ?", {std::string(admin_role)});
    return rows.at(0).integer(0) > 0;
}

bool is_last_administrator(sql::Connection& connection, const User& user)
{
    if (user.disabled || !user.has_role(admin_role))
        return false;
    auto rows = connection.query("SELECT COUNT(*) FROM user_roles r JOIN users u ON u.id = r.user_id "
                                 "WHERE r.role = ? AND u.disabled = 0 AND u.id <> ?",
                                 {std::string(admin_role), user.id});
    return rows.at(0).integer(0) == 0;
}

}  // namespace gatehouse::auth
