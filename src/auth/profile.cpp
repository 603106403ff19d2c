// SPDX-License-Identifier: Apache-2.0
#include "auth/account_events.hpp"
#include "auth/endpoints.hpp"
#include "auth/password_rules.hpp"
#include "auth/session_store.hpp"
#include "auth/token_store.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"

namespace gatehouse::auth {

// GET /profile: the caller's own account.
Task<http::Response> get_profile(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    co_return private_json(user_json(caller.user));
}

// POST /profile/password: a new password for the caller, who must know the current one; ends their other sessions.
Task<http::Response> change_password(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    Secret current(read_string(form, "current_password", errors));
    Secret wanted(read_string(form, "new_password", errors));
    if (errors.empty())
        if (auto wrong = check_new_password(wanted.reveal(), {caller.user.username, caller.user.email.value_or("")}))
            errors.push_back({"/new_password", *wrong});
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));

    TimePoint now = context.clock.now();
    if (!co_await context.passwords.verify(std::move(current), caller.user.password_hash)) {
        auto refuse = [&](sql::Connection& connection) {
            add_audit(connection, now,
                      audit_entry(request, "user.password_change_refused", caller.user.id, caller.user.id));
        };
        co_await context.database.write(refuse);
        log::info("auth", "password change refused", {{"user", caller.user.id}, {"request_id", request.request_id}});
        co_return http::Problem::invalid({{"/current_password", "This is not your current password."}});
    }
    std::string hash = co_await context.passwords.hash(std::move(wanted));
    auto change = [&](sql::Connection& connection) {
        set_password_hash(connection, caller.user.id, hash);
        end_sessions_of(connection, caller.user.id, caller.session_id, now);
        remove_tokens(connection, caller.user.id);
        announce_account(connection, password_changed, caller.user, now);
        add_audit(connection, now, audit_entry(request, "user.password_changed", caller.user.id, caller.user.id));
    };
    co_await context.database.write(change);
    context.announce();
    context.revocations.notify();
    log::info("auth", "password changed", {{"user", caller.user.id}, {"request_id", request.request_id}});
    co_return http::no_content();
}

}  // namespace gatehouse::auth
