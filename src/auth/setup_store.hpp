// SPDX-License-Identifier: Apache-2.0
// The one-time tokens with which the first administrator is made. Functions on a connection: the caller gives the
// transaction.
#pragma once

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "sql/connection.hpp"

#include <chrono>
#include <string_view>

namespace gatehouse::auth {

inline constexpr std::chrono::hours setup_token_ttl{24};

Secret make_setup_token(sql::Connection& connection, TimePoint now);  // ends the earlier ones
bool is_setup_token(sql::Connection& connection, std::string_view token, TimePoint now);
void clear_setup_tokens(sql::Connection& connection);

}  // namespace gatehouse::auth
