// SPDX-License-Identifier: Apache-2.0
// What can be told about a database without changing anything in it, for `gatehouse doctor`. Blocks; one thread.
#pragma once

#include "base/clock.hpp"
#include "sql/connection.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::sql {

struct Examination {
    std::map<std::string, int, std::less<>> versions;  // of each component's schema; empty: nothing was made yet
    std::optional<TimePoint> time;                     // the server's clock; nullopt: there is no server
    std::optional<std::string> damage;                 // what an embedded database's own check found wrong
};

// Reads in a transaction of the caller's; an embedded one it reads as a whole to look for damage. Throws Unavailable.
Examination examine(Connection& connection, bool look_for_damage);

// An embedded database as it is, also while a server works on it; one that only reads. Throws Unavailable.
std::unique_ptr<Connection> open_sqlite_to_look(const std::filesystem::path& path);

// The server's database, not connected yet; throws std::invalid_argument for a URL that is wrong. Each begin() that
// meets no connection tries to make one, without the pause that Database makes between two tries.
std::unique_ptr<Connection> open_mysql_to_look(const std::string& url);

}  // namespace gatehouse::sql
