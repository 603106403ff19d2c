// SPDX-License-Identifier: Apache-2.0
// The mark of a database that `gatehouse migrate` fills and that is not whole yet. As long as it is there,
// Database::migrate() refuses the database, so that no server starts on it.
//
// Functions on a connection: the caller gives the transaction. REQUIRES: Database::migrate() was called once, before
// the mark was put.
#pragma once

#include "sql/connection.hpp"

#include <optional>
#include <string>

namespace gatehouse::sql {

// `origin` says from where it is filled: at most 255 characters.
void mark_unfinished(Connection& connection, const std::string& origin);
void clear_unfinished(Connection& connection);
std::optional<std::string> find_unfinished(Connection& connection);  // also when nothing was made in it yet

}  // namespace gatehouse::sql
