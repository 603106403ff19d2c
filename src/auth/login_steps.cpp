// SPDX-License-Identifier: Apache-2.0
#include "auth/login_steps.hpp"

#include "auth/audit_store.hpp"
#include "auth/foreign_hashes.hpp"
#include "auth/totp_store.hpp"
#include "base/log.hpp"

namespace gatehouse::auth {

Task<std::optional<http::Problem>> check_second_factor(const http::Request& request, Context& context, const User& user,
                                                       const std::optional<std::string>& otp)
{
    if (!user.totp_enabled)
        co_return std::nullopt;
    if (!otp || otp->empty())
        co_return http::Problem::unauthorized("otp_required", "A code of your authenticator app is needed: \"otp\".");
    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        auto outcome = use_otp(connection, context.secrets, user.id, *otp, now);
        if (outcome == OtpOutcome::recovery_code)
            add_audit(connection, now, audit_entry(request, "totp.recovery_code_used", user.id, user.id));
        return outcome;
    };
    auto outcome = co_await context.database.write(write);
    if (outcome == OtpOutcome::wrong)
        co_return http::Problem::unauthorized("wrong_otp",
                                              "The code is wrong, or was used already. Wait for the next one.");
    co_return std::nullopt;
}

Task<std::string> replace_foreign_hash(Context& context, const User& user, Secret password)
{
    if (!is_foreign_hash(user.password_hash))
        co_return user.password_hash;
    std::string hash = co_await context.passwords.hash(std::move(password));
    // Unless the password was changed meanwhile.
    auto write = [&](sql::Connection& connection) {
        if (is_unchanged(connection, user.id, user.password_hash))
            set_password_hash(connection, user.id, hash);
    };
    co_await context.database.write(write);
    log::info("auth", "imported password hashed anew", {{"user", user.id}});
    co_return hash;
}

}  // namespace gatehouse::auth
