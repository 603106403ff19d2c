// SPDX-License-Identifier: Apache-2.0
#include "auth/account_events.hpp"
#include "auth/audit_store.hpp"
#include "auth/endpoints.hpp"
#include "auth/mail_requests.hpp"
#include "auth/names.hpp"
#include "auth/token_store.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

struct Change {
    std::optional<std::string> username;
    std::optional<std::string> email;
    Secret current_password;
};

Change read_change(const json::object& form, const User& user)
{
    Change change;
    std::vector<http::FieldError> errors;
    for (const auto& [name, value] : form) {
        if (name == "username")
            change.username = read_string(form, "username", errors);
        else if (name == "email")
            change.email = read_email(form, errors);
        else if (name != "current_password")
            errors.push_back({fmt::format("/{}", std::string_view(name)), "This cannot be changed."});
    }
    change.current_password = Secret(read_string(form, "current_password", errors));
    if (errors.empty() && change.username) {
        if (auto wrong = check_username(*change.username))
            errors.push_back({"/username", *wrong});
        // Else one could take the name that somebody else will want to log in with.
        else if (!check_email(*change.username) &&
                 (!user.email_verified || fold_name(*change.username) != fold_name(user.email.value_or(""))))
            errors.push_back({"/username", "A user name that is an e-mail address must be your own."});
    }
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    // What is so already is no change.
    if (change.username == user.username)
        change.username.reset();
    if (change.email && user.email_verified && change.email == user.email)
        change.email.reset();
    return change;
}

// Nothing changes until the link is followed. The owner of an address that is taken is told instead.
void request_email(sql::Connection& connection, Context& context, const User& user, const std::string& email,
                   TimePoint now)
{
    if (!may_mail(connection, email, now))
        return;
    auto owner = find_user_by_login(connection, email);
    if (owner && owner->id != user.id) {
        announce_address(connection, registration_refused, email, now, {{"reason", "account_exists"}});
        return;
    }
    json::object data;
    data["reason"] = "email_change";
    data["ticket"] = add_token(connection, context.service_key, {TokenPurpose::email_change, user.id, email}, now);
    announce_address(connection, verification_requested, email, now, std::move(data));
}

}  // namespace

// PATCH /profile: another user name, or another e-mail address, which is so when the link that is mailed there was
// followed. Needs the current password.
Task<http::Response> change_profile(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    auto form = co_await http::read_json(request, form_bytes_max);
    Change change = read_change(form, caller.user);
    if (!co_await context.passwords.verify(std::move(change.current_password), caller.user.password_hash))
        co_return http::Problem::invalid({{"/current_password", "This is not your current password."}});

    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        if (change.username)
            set_username(connection, caller.user, *change.username);
        if (change.email)
            request_email(connection, context, caller.user, *change.email, now);
        json::object what;
        what["username"] = change.username.has_value();
        what["email"] = change.email.has_value();
        add_audit(connection, now,
                  audit_entry(request, "user.profile_changed", caller.user.id, caller.user.id, std::move(what)));
        return find_user(connection, caller.user.id);
    };
    std::optional<User> user;
    std::optional<NameTaken> taken;
    try {
        user = co_await context.database.write(write);
    } catch (const NameTaken& error) {
        taken = error;
    }
    if (taken)
        co_return name_taken(*taken);
    if (!user)
        co_return http::Problem::not_found("user_not_found", "The account is gone.");
    context.announce();
    log::info("auth", "profile changed", {{"user", user->id}, {"request_id", request.request_id}});
    co_return private_json(user_json(*user), change.email ? 202 : 200);
}

}  // namespace gatehouse::auth
