// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "auth/login_steps.hpp"
#include "auth/login_throttle.hpp"
#include "auth/revocation_store.hpp"
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

// Counts the attempt, before anything is hashed. Throws Problem when it must wait: the same for every name.
Task<Admission> admit(Context& context, const LoginAttempt& attempt)
{
    // A flood must not be written down first.
    context.passwords.require_room();
    if (!context.config.throttle.enabled)
        co_return Admission{};
    TimePoint now = context.clock.now();
    auto count_it = [&](sql::Connection& connection) {
        return admit_attempt(connection, attempt, context.config.throttle, now);
    };
    Admission admission = co_await context.database.write(count_it);
    if (admission.wait.count() > 0) {
        count(context, "throttled");
        throw http::Problem::too_many("too_many_attempts", "Too many logins have failed. Wait a little.",
                                      admission.wait);
    }
    co_return admission;
}

Task<void> withdraw(Context& context, const LoginAttempt& attempt)
{
    if (!context.config.throttle.enabled)
        co_return;
    auto take_back = [&](sql::Connection& connection) { withdraw_attempt(connection, attempt); };
    co_await context.database.write(take_back);
}

// As Passwords::verify(); what could not be hashed is no attempt.
Task<bool> verify(Context& context, const LoginAttempt& attempt, Secret password, std::string stored)
{
    std::exception_ptr error;
    bool matches = false;
    try {
        matches = co_await context.passwords.verify(std::move(password), std::move(stored));
    } catch (const Unavailable&) {
        error = std::current_exception();
    }
    if (!error)
        co_return matches;
    co_await withdraw(context, attempt);
    std::rethrow_exception(error);
}

// Not the name: people type their password there.
Task<void> record_refusal(const http::Request& request, Context& context, const std::optional<User>& user,
                          std::string_view reason, bool begins_to_wait)
{
    std::string id = user ? user->id : "";
    TimePoint now = context.clock.now();
    auto write = [&](sql::Connection& connection) {
        add_audit(connection, now, audit_entry(request, "login.refused", "", id, {{"reason", reason}}));
        if (begins_to_wait)
            add_audit(connection, now, audit_entry(request, "login.throttled", "", id));
        sweep_attempts(connection, now);
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
    LoginAttempt attempt =
        describe_attempt(credentials.username, request.remote_address, context.service_key.is_forwarded(request));
    Admission admission = co_await admit(context, attempt);
    auto find = [&](sql::Connection& connection) {
        std::int64_t revocation = last_revocation(connection);
        auto found = find_user_by_login(connection, credentials.username);
        if (found)
            found->revocation = revocation;
        return found;
    };
    auto user = co_await context.database.read(find);

    // Hash even when there is no such user, so that the time does not tell which names have an account.
    std::string expected = user ? user->password_hash : context.passwords.dummy_hash();
    bool matches = co_await verify(context, attempt, credentials.password, std::move(expected));
    if (!user || !matches || user->disabled) {
        count(context, "refused");
        co_await record_refusal(request, context, user,
                                !user      ? "unknown_user"
                                : !matches ? "wrong_password"
                                           : "disabled",
                                admission.begins_to_wait);
        co_return wrong_credentials(credentials.basic);
    }

    auto refusal = co_await check_second_factor(request, context, *user, credentials.otp);
    if (refusal) {
        // Who has not sent a code yet has done nothing wrong.
        if (refusal->code() != "otp_required") {
            count(context, "refused");
            co_await record_refusal(request, context, user, refusal->code(), admission.begins_to_wait);
        } else {
            co_await withdraw(context, attempt);
        }
        co_return *refusal;
    }
    std::string hash = co_await replace_foreign_hash(context, *user, std::move(credentials.password));

    bool bare = credentials.basic && !names_json(request.head.headers);
    TimePoint now = context.clock.now();
    // Without a refresh token the session is of no use after the access token.
    SessionForm form = session_form(context, request, user->id);
    if (bare)
        form.ttl = context.config.access_token_ttl;
    auto open = [&](sql::Connection& connection) -> std::optional<NewSession> {
        // All that was looked at a while ago, before the hashing. A session that began now would outlive what a new
        // password ends.
        if (!is_unchanged(connection, user->id, hash))
            return std::nullopt;
        if (context.config.throttle.enabled)
            forgive_attempt(connection, attempt, now);
        auto opened = open_session(connection, form, now);
        add_audit(connection, now, audit_entry(request, "login.accepted", user->id, opened.id));
        return opened;
    };
    auto session = co_await context.database.write(open);
    if (!session) {
        count(context, "refused");
        co_return wrong_credentials(credentials.basic);
    }
    count(context, "accepted");
    log::info("auth", "login accepted",
              {{"user", user->id},
               {"session", session->id},
               {"address", request.remote_address},
               {"request_id", request.request_id}});
    if (bare)
        co_return bare_token(context, *user, session->id);
    co_return token_response(context, *user, session->id, session->refresh_token);
}

}  // namespace gatehouse::auth
