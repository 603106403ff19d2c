// SPDX-License-Identifier: Apache-2.0
// What the notifier and others are told about accounts. Functions on a connection: the caller gives the transaction,
// which is that of the change itself, and calls Context::announce after it.
//
// The data of each holds `username` and `email`, where a mail goes; with a link also its `ticket`
// (identity/one_time_token.hpp).
#pragma once

#include "auth/user_store.hpp"
#include "base/json.hpp"
#include "sql/connection.hpp"

#include <string>
#include <string_view>

namespace gatehouse::auth {

inline constexpr std::string_view verification_requested = "user.email_verification_requested";
inline constexpr std::string_view registration_refused = "user.registration_refused";
inline constexpr std::string_view password_reset_requested = "user.password_reset_requested";
inline constexpr std::string_view password_changed = "user.password_changed";
inline constexpr std::string_view user_invited = "user.invited";
inline constexpr std::string_view email_changed = "user.email_changed";

// Nothing for a user without an address.
void announce_account(sql::Connection& connection, std::string_view type, const User& user, TimePoint now,
                      json::object more = {});

// About an address that is nobody's, or not yet.
void announce_address(sql::Connection& connection, std::string_view type, const std::string& email, TimePoint now,
                      json::object more = {});

}  // namespace gatehouse::auth
