// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "auth/roles.hpp"
#include "auth/setup_store.hpp"
#include "auth/user_audit.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"

namespace gatehouse::auth {

namespace {

enum class Refusal { none, done, bad_token };

Refusal check_setup(sql::Connection& connection, std::string_view token, TimePoint now)
{
    if (has_administrator(connection))
        return Refusal::done;
    return is_setup_token(connection, token, now) ? Refusal::none : Refusal::bad_token;
}

http::Problem refuse(Refusal refusal)
{
    if (refusal == Refusal::done)
        return http::Problem::conflict("setup_done", "There is an administrator already.");
    return http::Problem::bad_request("invalid_setup_token",
                                      "The set-up link is wrong or too old. A restart prints a new one.");
}

struct Outcome {
    Refusal refusal = Refusal::none;
    std::optional<User> user;
    std::optional<NameTaken> taken;
};

}  // namespace

// GET /setup: whether the first administrator is still to be made, and whether anybody may register.
Task<http::Response> get_setup(http::Request&, Context& context)
{
    auto look = [](sql::Connection& connection) { return has_administrator(connection); };
    bool done = co_await context.database.read(look);
    json::object body;
    body["needed"] = !done;
    body["registration"] = context.config.registration;
    co_return private_json(body);
}

// POST /setup: makes the first administrator, for who holds the one-time token.
Task<http::Response> post_setup(http::Request& request, Context& context)
{
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    Secret token(read_string(form, "token", errors));
    UserForm fields = read_user_form(form, errors);

    // Before anything is hashed: only who holds the token can make us work.
    auto look = [&](sql::Connection& connection) {
        return check_setup(connection, token.reveal(), context.clock.now());
    };
    Refusal refusal = co_await context.database.read(look);
    if (refusal != Refusal::none) {
        std::string_view reason = refusal == Refusal::done ? "done already" : "wrong token";
        TimePoint at = context.clock.now();
        auto record = [&](sql::Connection& connection) {
            add_audit(connection, at, audit_entry(request, "setup.refused", "", "", {{"reason", reason}}));
        };
        // Once the set-up is done nobody can gain anything here, nor may anybody fill the log.
        if (refusal == Refusal::bad_token)
            co_await context.database.write(record);
        log::warn("auth", "set-up refused",
                  {{"reason", reason}, {"address", request.remote_address}, {"request_id", request.request_id}});
        co_return refuse(refusal);
    }
    if (!errors.empty())
        co_return http::Problem::invalid(std::move(errors));

    NewUser admin{fields.username, fields.email, {}, {std::string(admin_role)}};
    admin.password_hash = co_await context.passwords.hash(std::move(fields.password));
    TimePoint now = context.clock.now();
    // Of two at the same moment one finds the other's administrator here.
    auto make = [&](sql::Connection& connection) {
        Outcome outcome;
        outcome.refusal = check_setup(connection, token.reveal(), now);
        if (outcome.refusal != Refusal::none)
            return outcome;
        outcome.user = insert_user(connection, admin, now);
        const std::string& id = outcome.user->id;
        audit_user_created(connection, now, audit_entry(request, "", id, id), *outcome.user);
        add_audit(connection, now, audit_entry(request, "setup.done", id, id));
        return outcome;
    };
    Outcome outcome;
    try {
        outcome = co_await context.database.write(make);
    } catch (const NameTaken& error) {
        outcome.taken = error;
    }
    if (outcome.taken)
        co_return name_taken(*outcome.taken);
    if (outcome.refusal != Refusal::none)
        co_return refuse(outcome.refusal);
    context.announce();
    log::info("auth", "first administrator made",
              {{"user", outcome.user->id}, {"address", request.remote_address}, {"request_id", request.request_id}});
    co_return private_json(user_json(*outcome.user), 201);
}

}  // namespace gatehouse::auth
