// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "auth/revocation_store.hpp"
#include "base/text.hpp"
#include "http/url.hpp"
#include "identity/bearer.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::int64_t wait_seconds_max = 20;

}  // namespace

// GET /internal/users/{id}: who a user is, for the other roles of the installation.
Task<http::Response> get_internal_user(http::Request& request, Context& context)
{
    context.service_key.require(request);
    std::string id = request.path_parameters.at(0);
    auto find = [&](sql::Connection& connection) { return find_user(connection, id); };
    auto user = co_await context.database.read(find);
    if (!user)
        co_return http::Problem::not_found("user_not_found", "There is no user with this id.");
    json::object body;
    body["id"] = user->id;
    body["username"] = user->username;
    body["email"] = user->email ? json::value(json::string(*user->email)) : json::value(nullptr);
    co_return private_json(body);
}

// GET /internal/revocations?log=ID&after=NUMBER&wait=SECONDS&fresh=true: what was revoked since, waiting for it when
// asked to; `fresh`: as the store says now, and not as this process knew it last.
Task<http::Response> get_internal_revocations(http::Request& request, Context& context)
{
    context.service_key.require(request);
    auto query = request.query();
    identity::RevocationList::Position from;
    from.log = http::find_query_parameter(query, "log").value_or("");
    auto after = read_number<std::int64_t>(http::find_query_parameter(query, "after").value_or("0"));
    auto wait = read_number<std::int64_t>(http::find_query_parameter(query, "wait").value_or("0"));
    if (!after || *after < 0 || !wait || *wait < 0 || *wait > wait_seconds_max)
        co_return http::Problem::bad_request("invalid_request", "after and wait are numbers, wait at most 20 seconds.");
    from.number = *after;
    if (http::find_query_parameter(query, "fresh") == "true")
        co_await context.revocations.catch_up();
    auto news = co_await context.revocations.read(std::move(from), std::chrono::seconds{*wait});
    co_return private_json(identity::to_json(news));
}

// GET /internal/token: whether the bearer token is good as the store says at this moment, for a gateway whose list of
// revocations is too old. 204, or the problem that says why not.
Task<http::Response> check_internal_token(http::Request& request, Context& context)
{
    context.service_key.require(request);
    auto claims = context.authenticators.local().require(request);
    TimePoint now = context.clock.now();
    auto look = [&](sql::Connection& connection) {
        return !is_session_open(connection, claims->session_id, now) || is_revoked(connection, *claims);
    };
    if (co_await context.database.read(look))
        co_return identity::invalid_token(identity::TokenError::revoked);
    co_return http::no_content();
}

}  // namespace gatehouse::auth
