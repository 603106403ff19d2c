// SPDX-License-Identifier: Apache-2.0
// Users in the store. Functions on a connection: the caller gives the transaction. All throw Unavailable when the
// database cannot be used.
#pragma once

#include "base/clock.hpp"
#include "sql/connection.hpp"

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

struct User {
    std::string id;
    std::string username;
    std::optional<std::string> email;
    std::string password_hash;
    std::vector<std::string> roles;        // sorted
    std::vector<std::string> permissions;  // what the roles stand for now; sorted
    bool disabled = false;
    bool email_verified = false;  // a link that was mailed there was followed
    bool totp_enabled = false;    // logins need a code besides the password
    TimePoint created_at;
    std::int64_t revocation = 0;  // the last one when this was read (revocation_store.hpp), where a token is made of it

    bool has_role(std::string_view role) const;
};

struct NewUser {
    std::string username;              // allowed by check_username()
    std::optional<std::string> email;  // allowed by check_email()
    std::string password_hash;
    std::vector<std::string> roles;  // each exists
    bool email_verified = false;
};

// Somebody has that name already; an address counts as a name. Thrown out of the transaction, so that it is rolled
// back.
class NameTaken final : public std::exception {
public:
    enum class Which { username, email };
    explicit NameTaken(Which which) : which_(which) {}
    Which which() const { return which_; }
    const char* what() const noexcept override { return "the name is taken"; }

private:
    Which which_;
};

std::optional<User> find_user(sql::Connection& connection, std::string_view id);
std::optional<User> find_user_by_login(sql::Connection& connection, std::string_view username_or_email);

// In the order of their ids, which is that of their making.
std::vector<User> list_users(sql::Connection& connection, std::string_view after_id, std::size_t limit);

// Also puts `user.created` into the outbox; a new administrator ends every set-up token. Throws NameTaken.
User insert_user(sql::Connection& connection, NewUser user, TimePoint now);

// Whether the user is still there, enabled, and has this password hash.
bool is_unchanged(sql::Connection& connection, std::string_view id, std::string_view password_hash);

void set_password_hash(sql::Connection& connection, std::string_view id, const std::string& password_hash);
// Both throw NameTaken. A new address was verified.
void set_email(sql::Connection& connection, const User& user, const std::string& email, TimePoint now);
void set_username(sql::Connection& connection, const User& user, const std::string& username);
void set_email_verified(sql::Connection& connection, std::string_view id, TimePoint now);
void set_disabled(sql::Connection& connection, std::string_view id, bool disabled);
void set_roles(sql::Connection& connection, std::string_view id, const std::vector<std::string>& roles);
void remove_user(sql::Connection& connection, std::string_view id);  // with sessions and roles

bool has_administrator(sql::Connection& connection);                        // enabled or not
bool is_last_administrator(sql::Connection& connection, const User& user);  // enabled, and no other is

}  // namespace gatehouse::auth
