// SPDX-License-Identifier: Apache-2.0
// Second factors in the store: a TOTP secret for a user, sealed, and the hashes of recovery codes. Functions on a
// connection: the caller gives the transaction.
#pragma once

#include "auth/secret_box.hpp"
#include "base/clock.hpp"
#include "base/secret.hpp"
#include "sql/connection.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

// A secret that counts when a code of it was shown; replaces one that was begun before.
Secret begin_totp(sql::Connection& connection, const SecretBox& secrets, std::string_view user_id);

// True when `code` is one of the secret that was begun: from now on logins need it. Gives the recovery codes, which are
// not to be had again. nullopt when the code is wrong or nothing was begun.
std::optional<std::vector<std::string>> confirm_totp(sql::Connection& connection, const SecretBox& secrets,
                                                     std::string_view user_id, std::string_view code, TimePoint now);

enum class OtpOutcome { wrong, totp, recovery_code };
// Uses up the code: it is good once. For a user who has a second factor.
OtpOutcome use_otp(sql::Connection& connection, const SecretBox& secrets, std::string_view user_id,
                   std::string_view code, TimePoint now);

void remove_totp(sql::Connection& connection, std::string_view user_id);  // with the recovery codes

// Throws std::runtime_error when the secrets cannot be read with this box. Looks at some of them: one key is for all.
void check_totp_secrets(sql::Connection& connection, const SecretBox& secrets);

}  // namespace gatehouse::auth
