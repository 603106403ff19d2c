// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "auth/revocation_store.hpp"
#include "auth/session_store.hpp"
#include "base/log.hpp"
#include "http/json_body.hpp"
#include "identity/bearer.hpp"

namespace gatehouse::auth {

namespace {

struct Renewal {
    Refresh refresh;
    std::optional<User> user;
};

// The rotation and a look at the user, in one transaction. Returns for every outcome: what ends a session must be kept.
Renewal renew(sql::Connection& connection, const http::Request& request, std::string_view token, TimePoint now,
              std::chrono::seconds ttl)
{
    Renewal renewal;
    renewal.refresh = refresh_session(connection, token, now, ttl);
    if (renewal.refresh.outcome == Refresh::Outcome::rotated) {
        // In the order in which who revokes takes its locks.
        std::int64_t revocation = last_revocation(connection);
        renewal.user = find_user(connection, renewal.refresh.user_id);
        if (renewal.user)
            renewal.user->revocation = revocation;
    }
    if (renewal.refresh.outcome == Refresh::Outcome::reused)
        add_audit(connection, now,
                  audit_entry(request, "refresh.reused", "", renewal.refresh.session_id,
                              {{"user", renewal.refresh.user_id}}));
    return renewal;
}

std::string_view describe(Refresh::Outcome outcome)
{
    switch (outcome) {
    case Refresh::Outcome::rotated: return "the user is disabled";
    case Refresh::Outcome::unknown: return "unknown token";
    case Refresh::Outcome::over: return "the session is over";
    case Refresh::Outcome::reused: return "a used token: the session is ended";
    }
    return "";
}

OwnedSession session_of(const identity::Claims& claims) { return {claims.session_id, claims.subject}; }

// The claims of the bearer token; null when it was revoked, as after a logout before.
std::shared_ptr<const identity::Claims> require_session(const http::Request& request, Context& context)
{
    auto token = identity::find_bearer_token(request.head.headers);
    if (token && !token->empty()) {
        auto claims = context.authenticators.local().verify(*token);
        if (!claims && claims.error() == identity::TokenError::revoked)
            return nullptr;
    }
    return context.authenticators.local().require(request);
}

Task<std::string> read_refresh_token(http::Request& request)
{
    auto form = co_await http::read_json(request, form_bytes_max);
    std::vector<http::FieldError> errors;
    auto token = read_string(form, "refresh_token", errors);
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    co_return token;
}

}  // namespace

// POST /refresh: a new access token and a new refresh token for a refresh token.
Task<http::Response> refresh(http::Request& request, Context& context)
{
    Secret token(co_await read_refresh_token(request));
    TimePoint now = context.clock.now();
    auto rotate = [&](sql::Connection& connection) {
        return renew(connection, request, token.reveal(), now, context.config.refresh_token_ttl);
    };
    auto renewal = co_await context.database.write(rotate);
    const Refresh& outcome = renewal.refresh;
    if (outcome.outcome == Refresh::Outcome::reused)
        context.revocations.notify();
    if (!renewal.user || renewal.user->disabled) {
        auto level = outcome.outcome == Refresh::Outcome::reused ? log::Level::warn : log::Level::info;
        log::write(level, "auth", "refresh refused",
                   {{"reason", describe(outcome.outcome)},
                    {"user", outcome.user_id},
                    {"session", outcome.session_id},
                    {"address", request.remote_address},
                    {"request_id", request.request_id}});
        co_return http::Problem::unauthorized("invalid_refresh_token", "The session is over: log in again.");
    }
    log::info("auth", "session refreshed",
              {{"user", outcome.user_id}, {"session", outcome.session_id}, {"request_id", request.request_id}});
    co_return token_response(context, *renewal.user, outcome.session_id, outcome.refresh_token);
}

// POST /logout: ends the session of the bearer token, or of a refresh token for who has no access token any more. Doing
// it twice is fine.
Task<http::Response> logout(http::Request& request, Context& context)
{
    OwnedSession session;
    Secret token;
    auto bearer = identity::find_bearer_token(request.head.headers);
    if (bearer && bearer->empty() && request.head.headers.contains("content-type"))
        token = Secret(co_await read_refresh_token(request));
    else if (auto claims = require_session(request, context))
        session = session_of(*claims);
    else
        co_return http::no_content();

    TimePoint now = context.clock.now();
    auto end = [&](sql::Connection& connection) {
        if (!token.empty())
            session = find_session(connection, token.reveal()).value_or(OwnedSession{});
        if (!end_session(connection, session.id, now))
            return false;
        add_audit(connection, now,
                  audit_entry(request, "session.ended", session.user_id, session.id, {{"reason", "logout"}}));
        return true;
    };
    bool ended = co_await context.database.write(end);
    context.revocations.notify();
    if (ended)
        log::info("auth", "logout", {{"session", session.id}, {"request_id", request.request_id}});
    co_return http::no_content();
}

}  // namespace gatehouse::auth
