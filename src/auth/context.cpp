// SPDX-License-Identifier: Apache-2.0
#include "auth/context.hpp"

#include "auth/names.hpp"
#include "auth/password_rules.hpp"
#include "auth/roles.hpp"
#include "auth/session_store.hpp"
#include "base/id.hpp"
#include "http/json_body.hpp"
#include "identity/bearer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::auth {

Task<Caller> require_caller(http::Request& request, Context& context, std::string_view permission)
{
    auto claims = context.authenticators.local().require(request);
    TimePoint now = context.clock.now();
    auto find = [&](sql::Connection& connection) -> std::optional<User> {
        if (!is_session_open(connection, claims->session_id, now))
            return std::nullopt;
        return find_user(connection, claims->subject);
    };
    auto user = co_await context.database.read(find);
    if (!user || user->disabled)
        throw identity::invalid_token(identity::TokenError::revoked);
    if (!permission.empty()) {
        // Not those of the token: a role that was taken away is gone at once where roles are given.
        if (!covers(user->permissions, {std::string(permission)}))
            throw identity::insufficient_scope(permission);
    }
    Caller caller{std::move(*user), claims->session_id};
    co_return caller;
}

AuditEntry audit_entry(const http::Request& request, std::string_view type, std::string_view actor,
                       std::string_view target, json::object details)
{
    return {.type = std::string(type),
            .actor = std::string(actor),
            .target = std::string(target),
            .address = request.remote_address,
            .request_id = request.request_id,
            .details = std::move(details)};
}

SessionForm session_form(const Context& context, const http::Request& request, std::string_view user_id)
{
    SessionForm form;
    form.user_id = user_id;
    form.idle_ttl = context.config.refresh_token_ttl;
    form.ttl = context.config.session_ttl;
    form.address = request.remote_address;
    form.user_agent = request.head.headers.find("user-agent").value_or("");
    return form;
}

std::string make_access_token(const Context& context, const User& user, std::string_view session_id)
{
    identity::Claims claims;
    claims.issuer = context.config.issuer;
    claims.subject = user.id;
    claims.audience = context.config.audience;
    claims.token_id = make_id();
    claims.session_id = session_id;
    TimePoint now = context.clock.now();
    claims.issued_at = to_unix_seconds(now);
    claims.expires_at = claims.issued_at + context.config.access_token_ttl.count();
    claims.username = user.username;
    claims.roles = user.roles;
    claims.permissions = user.permissions;
    claims.admin = user.has_role(admin_role);
    claims.revocation = user.revocation;
    return context.signer.sign(claims, now);
}

http::Response token_response(const Context& context, const User& user, std::string_view session_id,
                              const Secret& refresh_token)
{
    json::object body;
    body["access_token"] = make_access_token(context, user, session_id);
    body["token_type"] = "Bearer";
    body["expires_in"] = context.config.access_token_ttl.count();
    body["refresh_token"] = refresh_token.reveal();
    body["user"] = identity_json(user);
    return private_json(body);
}

json::object identity_json(const User& user)
{
    json::object object;
    object["id"] = user.id;
    object["username"] = user.username;
    object["email"] = user.email ? json::value(json::string(*user.email)) : json::value(nullptr);
    object["roles"] = json::array(user.roles.begin(), user.roles.end());
    object["permissions"] = json::array(user.permissions.begin(), user.permissions.end());
    return object;
}

json::object user_json(const User& user)
{
    json::object object = identity_json(user);
    object["email_verified"] = user.email_verified;
    object["totp_enabled"] = user.totp_enabled;
    object["disabled"] = user.disabled;
    object["created_at"] = format_rfc3339(user.created_at);
    return object;
}

http::Response private_json(const json::value& value, int status)
{
    auto response = http::json_response(value, status);
    response.headers.set("cache-control", "no-store");
    return response;
}

std::string read_string(const json::object& form, std::string_view name, std::vector<http::FieldError>& errors)
{
    auto value = find_string(form, name);
    if (!value)
        errors.push_back({fmt::format("/{}", name), "A text is needed here."});
    return value.value_or("");
}

namespace {

UserForm read_names(const json::object& form, std::vector<http::FieldError>& errors)
{
    UserForm user;
    std::size_t before = errors.size();
    user.username = read_string(form, "username", errors);
    if (form.contains("email") && !form.at("email").is_null())
        user.email = read_string(form, "email", errors);
    if (errors.size() != before)
        return user;

    auto check = [&](std::string_view pointer, const std::optional<std::string>& wrong) {
        if (wrong)
            errors.push_back({std::string(pointer), *wrong});
    };
    if (user.email && user.email->empty())
        user.email.reset();
    if (!user.email && !check_email(user.username))
        user.email = user.username;
    check("/username", check_username(user.username));
    if (user.email)
        check("/email", check_email(*user.email));
    return user;
}

}  // namespace

UserForm read_user_form(const json::object& form, std::vector<http::FieldError>& errors)
{
    UserForm user = read_names(form, errors);
    std::size_t before = errors.size();
    user.password = Secret(read_string(form, "password", errors));
    if (errors.size() == before)
        if (auto wrong = check_new_password(user.password.reveal(), {user.username, user.email.value_or("")}))
            errors.push_back({"/password", *wrong});
    return user;
}

UserForm read_invitation_form(const json::object& form, std::vector<http::FieldError>& errors)
{
    UserForm user = read_names(form, errors);
    if (errors.empty() && !user.email)
        errors.push_back({"/email", "An e-mail address is needed here, or a password."});
    return user;
}

std::vector<std::string> read_roles(const json::value& value, std::vector<http::FieldError>& errors)
{
    std::vector<std::string> roles;
    const json::array* list = value.if_array();
    if (!list) {
        errors.push_back({"/roles", "A list of roles is needed here."});
        return roles;
    }
    for (const json::value& item : *list)
        roles.emplace_back(item.is_string() ? std::string_view(item.get_string()) : std::string_view());
    make_set(roles);
    // Whether they exist is asked in the transaction that gives them.
    if (std::ranges::any_of(roles, [](const std::string& role) { return check_role_name(role).has_value(); }))
        errors.push_back({"/roles", "There is no such role."});
    else if (roles.size() > roles_of_user_max)
        errors.push_back({"/roles", fmt::format("At most {} roles.", roles_of_user_max)});
    return roles;
}

http::Problem name_taken(const NameTaken& error)
{
    return http::Problem::conflict("user_exists", error.which() == NameTaken::Which::username
                                                      ? "Somebody has this user name already."
                                                      : "Somebody has this e-mail address already.");
}

}  // namespace gatehouse::auth
