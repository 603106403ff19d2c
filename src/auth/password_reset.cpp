// SPDX-License-Identifier: Apache-2.0
#include "auth/account_events.hpp"
#include "auth/audit_store.hpp"
#include "auth/endpoints.hpp"
#include "auth/mail_requests.hpp"
#include "auth/names.hpp"
#include "auth/password_rules.hpp"
#include "auth/session_store.hpp"
#include "auth/token_store.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"

namespace gatehouse::auth {

namespace {

// The user whose address it is, if a mail there may give them a new password.
std::optional<User> find_addressee(sql::Connection& connection, const std::string& email)
{
    auto user = find_user_by_login(connection, email);
    if (!user || user->disabled || !user->email || fold_name(*user->email) != fold_name(email))
        return std::nullopt;
    return user;
}

struct Link {
    OneTimeToken token;
    User user;
};

// Of a reset or an invitation, for a user who may log in.
std::optional<Link> check_link(sql::Connection& connection, std::optional<OneTimeToken> token)
{
    if (!token || token->purpose == TokenPurpose::email_change)
        return std::nullopt;
    auto user = find_user(connection, token->user_id);
    if (!user || user->disabled)
        return std::nullopt;
    return Link{std::move(*token), std::move(*user)};
}

}  // namespace

// POST /forgot-password: mails a link to who has an account with the address; tells nobody whether there is one.
Task<http::Response> forgot_password(http::Request& request, Context& context)
{
    EvenAnswer even;
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    std::string email = read_email(form, errors);
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));

    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        bool may = may_mail(connection, email, now);
        auto user = find_addressee(connection, email);
        if (user && may) {
            json::object ticket;
            ticket["ticket"] =
                add_token(connection, context.service_key, {TokenPurpose::password_reset, user->id, *user->email}, now);
            announce_account(connection, password_reset_requested, *user, now, std::move(ticket));
        }
        std::string_view outcome = !user ? "unknown" : may ? "mailed" : "too many mails";
        add_audit(connection, now,
                  audit_entry(request, "password.reset_requested", "", user ? user->id : "", {{"outcome", outcome}}));
    };
    co_await context.database.write(write);
    context.announce();
    co_return co_await even.answer();
}

// POST /reset-password: a new password for who holds the link of a reset or an invitation; ends every session.
Task<http::Response> reset_password(http::Request& request, Context& context)
{
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    Secret token(read_string(form, "token", errors));
    Secret password(read_string(form, "password", errors));
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));

    // Before anything is hashed: only who holds a link can make us work.
    auto look = [&](sql::Connection& connection) {
        return check_link(connection, find_token(connection, token.reveal(), context.clock.now()));
    };
    auto link = co_await context.database.read(look);
    if (!link)
        co_return invalid_link();
    if (auto wrong = check_new_password(password.reveal(), {link->user.username, link->user.email.value_or("")}))
        co_return http::Problem::invalid({{"/password", *wrong}});

    std::string hash = co_await context.passwords.hash(std::move(password));
    TimePoint now = context.clock.now();
    auto change = [&](sql::Connection& connection) {
        auto taken = check_link(connection, take_token(connection, token.reveal(), now));
        if (!taken)
            return false;
        const User& user = taken->user;
        set_password_hash(connection, user.id, hash);
        if (user.email && fold_name(*user.email) == fold_name(taken->token.email))
            set_email_verified(connection, user.id, now);
        remove_tokens(connection, user.id);
        end_sessions_of(connection, user.id, "", now);
        bool invited = taken->token.purpose == TokenPurpose::invitation;
        if (!invited)
            announce_account(connection, password_changed, user, now);
        add_audit(connection, now,
                  audit_entry(request, invited ? "invitation.accepted" : "password.reset", user.id, user.id));
        return true;
    };
    bool done = co_await context.database.write(change);
    if (!done)
        co_return invalid_link();
    context.revocations.notify();
    context.announce();
    log::info("auth", "password set by a link",
              {{"user", link->user.id}, {"address", request.remote_address}, {"request_id", request.request_id}});
    json::object body;
    body["username"] = link->user.username;
    co_return private_json(body);
}

}  // namespace gatehouse::auth
