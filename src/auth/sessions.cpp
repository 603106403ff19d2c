// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "auth/session_store.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "http/url.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::string_view permission = "admin:sessions";
constexpr std::size_t sessions_max = 200;  // of one user are listed: the newest

http::Problem no_such_session()
{
    return http::Problem::not_found("session_not_found", "There is no open session with this id.");
}

json::object session_json(const Session& session, std::string_view current_id)
{
    json::object object;
    object["id"] = session.id;
    object["user_id"] = session.user_id;
    object["current"] = session.id == current_id;
    object["created_at"] = format_rfc3339(session.created_at);
    object["last_used_at"] = format_rfc3339(session.last_used_at);
    object["expires_at"] = format_rfc3339(session.expires_at);
    object["address"] = session.address;
    object["user_agent"] = session.user_agent;
    return object;
}

http::Response sessions_json(const std::vector<Session>& sessions, std::string_view current_id)
{
    json::array items;
    for (const Session& session : sessions)
        items.push_back(session_json(session, current_id));
    return private_json(json::object{{"items", std::move(items)}, {"next", nullptr}});
}

// False when it is not there, or not that user's.
Task<bool> end_one(http::Request& request, Context& context, const Caller& caller, std::string_view owner)
{
    std::string id = request.path_parameters.at(0);
    TimePoint now = context.clock.now();
    auto end = [&](sql::Connection& connection) {
        auto session = find_open_session(connection, id, now);
        if (!session || (!owner.empty() && session->user_id != owner))
            return false;
        end_session(connection, id, now);
        add_audit(connection, now, audit_entry(request, "session.ended", caller.user.id, id));
        return true;
    };
    bool ended = co_await context.database.write(end);
    context.revocations.notify();
    if (ended)
        log::info("auth", "session ended",
                  {{"session", id}, {"by", caller.user.id}, {"request_id", request.request_id}});
    co_return ended;
}

Task<void> end_all(http::Request& request, Context& context, const Caller& caller, std::string user_id)
{
    TimePoint now = context.clock.now();
    auto end = [&](sql::Connection& connection) {
        end_sessions_of(connection, user_id, "", now);
        add_audit(connection, now, audit_entry(request, "sessions.ended", caller.user.id, user_id));
    };
    co_await context.database.write(end);
    context.revocations.notify();
    log::info("auth", "all sessions ended",
              {{"user", user_id}, {"by", caller.user.id}, {"request_id", request.request_id}});
}

// The user whose sessions an administrator asks for.
std::string read_user(const http::Request& request)
{
    auto user = http::find_query_parameter(request.query(), "user");
    if (!user || !is_id(*user))
        throw http::Problem::invalid({{"user", "The id of a user is needed here."}});
    return std::string(*user);
}

}  // namespace

// GET /profile/sessions: where the caller is logged in.
Task<http::Response> list_own_sessions(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    TimePoint now = context.clock.now();
    auto list = [&](sql::Connection& connection) {
        return list_sessions(connection, caller.user.id, now, sessions_max);
    };
    auto sessions = co_await context.database.read(list);
    co_return sessions_json(sessions, caller.session_id);
}

// DELETE /profile/sessions/{id}: logs out there.
Task<http::Response> end_own_session(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    if (!co_await end_one(request, context, caller, caller.user.id))
        co_return no_such_session();
    co_return http::no_content();
}

// DELETE /profile/sessions: logs out everywhere, here too.
Task<http::Response> end_own_sessions(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context);
    co_await end_all(request, context, caller, caller.user.id);
    co_return http::no_content();
}

// GET /admin/sessions?user=ID: where a user is logged in.
Task<http::Response> list_sessions_page(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    std::string user_id = read_user(request);
    TimePoint now = context.clock.now();
    auto list = [&](sql::Connection& connection) { return list_sessions(connection, user_id, now, sessions_max); };
    auto sessions = co_await context.database.read(list);
    co_return sessions_json(sessions, caller.session_id);
}

// DELETE /admin/sessions/{id}: ends one of anybody.
Task<http::Response> end_any_session(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    if (!co_await end_one(request, context, caller, ""))
        co_return no_such_session();
    co_return http::no_content();
}

// DELETE /admin/sessions?user=ID: ends all of a user.
Task<http::Response> end_any_sessions(http::Request& request, Context& context)
{
    Caller caller = co_await require_caller(request, context, permission);
    co_await end_all(request, context, caller, read_user(request));
    co_return http::no_content();
}

}  // namespace gatehouse::auth
