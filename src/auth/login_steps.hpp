// SPDX-License-Identifier: Apache-2.0
// What a login does after the password was found to be right.
#pragma once

#include "auth/context.hpp"

#include <optional>
#include <string>

namespace gatehouse::auth {

// nullopt for a user without a second factor, and for a right code, which is used up by it. Else 401: otp_required when
// there is no code, wrong_otp, which counts as a failed login.
Task<std::optional<http::Problem>> check_second_factor(const http::Request& request, Context& context, const User& user,
                                                       const std::optional<std::string>& otp);

// Replaces the hash that another program made of the password by our own, once it is known.
Task<std::string> replace_foreign_hash(Context& context, const User& user, Secret password);

}  // namespace gatehouse::auth
