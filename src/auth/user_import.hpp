// SPDX-License-Identifier: Apache-2.0
// Many users at once, with the password hashes of the program that had them before. A line is a JSON object:
//
//   {"username": "ada", "email": "ada@example.org", "roles": ["user"], "password_hash": "$2b$12$…"}
//
// instead of "password_hash" "password_plain": "sesame", or neither: such a user sets a password by "forgot password".
// "email" and "roles" may be absent. Functions on a connection: the caller gives the transaction.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "sql/connection.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

struct ImportedUser {
    std::string username;
    std::optional<std::string> email;
    std::string password_hash;
    std::vector<std::string> roles;
};

// What is wrong with a line, and where: the member's name, "" for the whole line.
struct ImportError {
    std::string key;
    std::string what;
};

// A line, whose names and hash are allowed; whether its roles exist and its names are free is for who has the store.
Result<ImportedUser, ImportError> parse_imported_user(std::string_view line);

struct ImportResult {
    struct Conflict {
        std::size_t index;  // of the user
        ImportError error;
    };
    std::size_t imported = 0;
    std::vector<Conflict> conflicts;  // names that somebody has, or that stand twice; roles that do not exist
};

// Inserts all, or with conflicts none; with `skip_existing` all but those whose names somebody has. No user.created is
// announced for them.
ImportResult insert_imported_users(sql::Connection& connection, std::span<const ImportedUser> users, bool skip_existing,
                                   TimePoint now);

}  // namespace gatehouse::auth
