// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "auth/login_steps.hpp"
#include "auth/session_store.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"
#include "http/list.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::string_view basic_challenge = R"(Basic realm="gatehouse", charset="UTF-8")";

struct Credentials {
    std::string username;
    Secret password;
    std::optional<std::string> otp;  // a code of the second factor
    bool basic = false;              // came by HTTP Basic
};

http::Problem malformed_basic()
{
    return http::Problem::bad_request("invalid_request", "The Authorization field is malformed.");
}

bool uses_basic(const http::Headers& headers)
{
    constexpr std::string_view scheme = "Basic ";
    auto field = headers.find("authorization");
    return field && http::iequals(field->substr(0, scheme.size()), scheme);
}

// RFC 7617 section 2: base64 of user-id ":" password. The password may hold colons, the user-id may not.
Credentials read_basic(const http::Headers& headers)
{
    if (headers.count("authorization") != 1)
        throw malformed_basic();
    std::string_view text = *headers.find("authorization");
    text.remove_prefix(text.find(' '));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    auto decoded = from_base64(text);
    auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos)
        throw malformed_basic();
    Credentials credentials{decoded->substr(0, colon), Secret(decoded->substr(colon + 1)), std::nullopt, true};
    wipe(*decoded);
    return credentials;
}

Task<Credentials> read_credentials(http::Request& request)
{
    const http::Headers& headers = request.head.headers;
    if (uses_basic(headers))
        co_return read_basic(headers);
    if (!headers.contains("content-type"))
        throw http::Problem::unauthorized("unauthenticated", "Send a user name and a password: HTTP Basic, or JSON.");
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    Credentials credentials;
    credentials.username = read_string(form, "username", errors);
    credentials.password = Secret(read_string(form, "password", errors));
    if (form.contains("otp"))
        credentials.otp = read_string(form, "otp", errors);
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    co_return credentials;
}

// True when an Accept field names JSON; */* takes anything and names nothing.
bool names_json(const http::Headers& headers)
{
    bool named = false;
    http::for_each_element(headers, "accept", [&](std::string_view range) {
        range = range.substr(0, range.find_first_of("; \t"));
        named = named || http::iequals(range, "application/json") || range.ends_with("+json");
    });
    return named;
}

http::Problem wrong_credentials(bool basic)
{
    auto problem = http::Problem::unauthorized("wrong_credentials", "The user name or the password is wrong.");
    if (basic)
        problem.with_header("www-authenticate", basic_challenge);
    return problem;
}

http::Response bare_token(const Context& context, const User& user, std::string_view session_id)
{
    http::Response response;
    response.headers.add("content-type", "text/plain; charset=utf-8");
    response.headers.add("cache-control", "no-store");
    response.body = make_access_token(context, user, session_id);
    return response;
}

void count(Context& context, const char* outcome)
{
    context.metrics.counter("gatehouse_auth_logins_total", "Logins by outcome.", {{"outcome", outcome}}).Increment();
}

// Not the name: people type their password there.
Task<void> record_refusal(const http::Request& request, Context& context, const std::optional<User>& user,
                          std::string_view reason)
{
    std::string id = user ? user->id : "";
    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        add_audit(connection, now, audit_entry(request, "login.refused", "", id, {{"reason", reason}}));
    };
    co_await context.database.write(write);
    log::info(
        "auth", "login refused",
        {{"reason", reason}, {"user", id}, {"address", request.remote_address}, {"request_id", request.request_id}});
}

}  // namespace

// POST /login: exchanges a user name (or e-mail address) and a password for an access token and a refresh token.
Task<http::Response> login(http::Request& request, Context& context)
{
    Credentials credentials = co_await read_credentials(request);
    auto find = [&](sql::Connection& connection) { return find_user_by_login(connection, credentials.username); };
    auto user = co_await context.database.read(find);

    // Hash even when there is no such user, so that the time does not tell which names have an account.
    std::string expected = user ? user->password_hash : context.passwords.dummy_hash();
    bool matches = co_await context.passwords.verify(credentials.password, std::move(expected));
    if (!user || !matches || user->disabled) {
        count(context, "refused");
        co_await record_refusal(request, context, user,
                                !user      ? "unknown_user"
                                : !matches ? "wrong_password"
                                           : "disabled");
        co_return wrong_credentials(credentials.basic);
    }

    auto refusal = co_await check_second_factor(request, context, *user, credentials.otp);
    if (refusal) {
        // Who has not sent a code yet has done nothing wrong.
        if (refusal->code() != "otp_required") {
            count(context, "refused");
            co_await record_refusal(request, context, user, refusal->code());
        }
        co_return *refusal;
    }
    co_await replace_foreign_hash(context, *user, std::move(credentials.password));

    bool bare = credentials.basic && !names_json(request.head.headers);
    TimePoint now = context.clock.now();
    // Without a refresh token the session is of no use after the access token.
    SessionForm form = session_form(context, request, user->id);
    if (bare)
        form.ttl = context.config.access_token_ttl;
    auto open = [&](sql::Connection& connection) {
        auto opened = open_session(connection, form, now);
        add_audit(connection, now, audit_entry(request, "login.accepted", user->id, opened.id));
        return opened;
    };
    auto session = co_await context.database.write(open);
    count(context, "accepted");
    log::info("auth", "login accepted",
              {{"user", user->id},
               {"session", session.id},
               {"address", request.remote_address},
               {"request_id", request.request_id}});
    if (bare)
        co_return bare_token(context, *user, session.id);
    co_return token_response(context, *user, session.id, session.refresh_token);
}

}  // namespace gatehouse::auth
