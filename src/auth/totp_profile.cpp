// SPDX-License-Identifier: Apache-2.0
#include "auth/audit_store.hpp"
#include "auth/endpoints.hpp"
#include "auth/totp.hpp"
#include "auth/totp_store.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"

namespace gatehouse::auth {

namespace {

http::Problem wrong_password()
{
    return http::Problem::invalid({{"/current_password", "This is not your current password."}});
}

http::Problem wrong_code()
{
    return http::Problem::invalid({{"/otp", "The code is wrong, or was used already. Wait for the next one."}});
}

AuditEntry entry_of(const http::Request& request, const User& user, std::string_view type)
{
    return audit_entry(request, std::string(type), user.id, user.id);
}

}  // namespace

// POST /profile/totp: a secret for an authenticator app. Needs the current password; counts when it was confirmed.
Task<http::Response> begin_totp(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    Secret password(read_string(form, "current_password", errors));
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));
    if (!co_await context.passwords.verify(std::move(password), caller.user.password_hash))
        co_return wrong_password();
    auto write = [&](sql::Connection& connection) -> std::optional<Secret> {
        auto user = find_user(connection, caller.user.id);
        if (!user || user->totp_enabled)
            return std::nullopt;
        return begin_totp(connection, context.secrets, user->id);
    };
    auto secret = co_await context.database.write(write);
    if (!secret)
        co_return http::Problem::conflict("totp_active", "There is a second factor already. Remove it first.");
    json::object body;
    body["secret"] = to_base32(secret->reveal());
    body["uri"] = totp_uri(secret->reveal(), context.config.issuer, caller.user.username);
    co_return private_json(body);
}

// POST /profile/totp/confirm: from now on logins need a code; gives the recovery codes, once.
Task<http::Response> confirm_totp(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    std::string otp = read_string(form, "otp", errors);
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));
    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        auto made = confirm_totp(connection, context.secrets, caller.user.id, otp, now);
        if (made)
            add_audit(connection, now, entry_of(request, caller.user, "totp.enabled"));
        return made;
    };
    auto codes = co_await context.database.write(write);
    if (!codes)
        co_return wrong_code();
    log::info("auth", "second factor enabled", {{"user", caller.user.id}, {"request_id", request.request_id}});
    json::object body;
    body["recovery_codes"] = json::array(codes->begin(), codes->end());
    co_return private_json(body);
}

// DELETE /profile/totp: logins need no code any more. Needs the current password and a code.
Task<http::Response> delete_totp(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    Secret password(read_string(form, "current_password", errors));
    std::string otp = read_string(form, "otp", errors);
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));
    if (!co_await context.passwords.verify(std::move(password), caller.user.password_hash))
        co_return wrong_password();
    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        if (use_otp(connection, context.secrets, caller.user.id, otp, now) == OtpOutcome::wrong)
            return false;
        remove_totp(connection, caller.user.id);
        add_audit(connection, now, entry_of(request, caller.user, "totp.disabled"));
        return true;
    };
    bool done = co_await context.database.write(write);
    if (!done)
        co_return wrong_code();
    log::info("auth", "second factor removed", {{"user", caller.user.id}, {"request_id", request.request_id}});
    co_return http::no_content();
}

}  // namespace gatehouse::auth
