// SPDX-License-Identifier: Apache-2.0
#include "auth/account_events.hpp"
#include "auth/audit_store.hpp"
#include "auth/endpoints.hpp"
#include "auth/mail_requests.hpp"
#include "auth/names.hpp"
#include "auth/roles.hpp"
#include "auth/token_store.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"

namespace gatehouse::auth {

namespace {

UserForm read_registration(const json::object& form)
{
    std::vector<http::FieldError> errors;
    UserForm fields = read_user_form(form, errors);
    if (errors.empty() && !fields.email)
        errors.push_back({"/email", "An e-mail address is needed here."});
    // Else the mail that says whether the name is taken would tell whether somebody else's address is.
    if (errors.empty() && !check_email(fields.username) && fold_name(fields.username) != fold_name(*fields.email))
        errors.push_back({"/username", "A user name that is an e-mail address must be your own."});
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    return fields;
}

// What the mail to the address says. All that one learns of others' names and addresses is in it, so only who reads the
// address's mail learns anything. Never the name that was typed: the mail may go to a stranger.
std::string_view mail(sql::Connection& connection, Context& context, const Registration& wanted, TimePoint now)
{
    if (!may_mail(connection, wanted.email, now))
        return "too many mails";
    if (find_user_by_login(connection, wanted.email)) {
        announce_address(connection, registration_refused, wanted.email, now, {{"reason", "account_exists"}});
        return "address has an account";
    }
    if (find_user_by_login(connection, wanted.username)) {
        announce_address(connection, registration_refused, wanted.email, now, {{"reason", "username_taken"}});
        return "name is taken";
    }
    json::object data;
    data["reason"] = "registration";
    data["ticket"] = add_registration(connection, context.service_key, wanted, now);
    announce_address(connection, verification_requested, wanted.email, now, std::move(data));
    return "mailed";
}

struct Verified {
    User user;
    bool registered = false;  // else the address of an account has changed
};

std::optional<Verified> verify(sql::Connection& connection, std::string_view token, TimePoint now)
{
    if (auto registration = take_registration(connection, token, now)) {
        NewUser wanted{
            registration->username, registration->email, registration->password_hash, {std::string(user_role)}, true};
        return Verified{insert_user(connection, std::move(wanted), now), true};
    }
    auto found = find_token(connection, token, now);
    if (!found || found->purpose != TokenPurpose::email_change || !take_token(connection, token, now))
        return std::nullopt;
    auto user = find_user(connection, found->user_id);
    if (!user || user->disabled)
        return std::nullopt;
    set_email(connection, *user, found->email, now);
    // To the old address: if it was not its owner who did this, they can still act.
    announce_account(connection, email_changed, *user, now);
    user->email = found->email;
    return Verified{std::move(*user), false};
}

}  // namespace

// POST /register: mails a link by which who reads the address's mail becomes a user. Answers the same whoever has the
// name or the address.
Task<http::Response> register_user(http::Request& request, Context& context)
{
    if (!context.config.registration)
        co_return http::Problem::forbidden("registration_closed", "Accounts are made by an administrator here.");
    EvenAnswer even;
    auto form = co_await http::read_json(request, form_bytes_max);
    UserForm fields = read_registration(form);
    Registration wanted{fields.username, *fields.email, {}};
    wanted.password_hash = co_await context.passwords.hash(std::move(fields.password));
    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        std::string_view outcome = mail(connection, context, wanted, now);
        add_audit(connection, now, audit_entry(request, "registration.requested", "", "", {{"outcome", outcome}}));
    };
    co_await context.database.write(write);
    context.announce();
    co_return co_await even.answer();
}

// POST /verify-email: the link of a registration makes the user, that of a profile changes the address.
Task<http::Response> verify_email(http::Request& request, Context& context)
{
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    Secret token(read_string(form, "token", errors));
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));

    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        auto verified = verify(connection, token.reveal(), now);
        if (verified)
            add_audit(connection, now,
                      audit_entry(request, verified->registered ? "user.registered" : "user.email_changed",
                                  verified->user.id, verified->user.id));
        return verified;
    };
    std::optional<Verified> verified;
    std::optional<NameTaken> taken;
    try {
        verified = co_await context.database.write(write);
    } catch (const NameTaken& error) {
        taken = error;
    }
    if (taken)
        co_return name_taken(*taken);
    if (!verified)
        co_return invalid_link();
    context.announce();
    log::info("auth", verified->registered ? "user registered" : "e-mail address changed",
              {{"user", verified->user.id}, {"address", request.remote_address}, {"request_id", request.request_id}});
    json::object body;
    body["username"] = verified->user.username;
    body["email"] = verified->user.email.value_or("");
    co_return private_json(body);
}

}  // namespace gatehouse::auth
