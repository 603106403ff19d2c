// SPDX-License-Identifier: Apache-2.0
#include "files/handlers.hpp"

#include "base/id.hpp"
#include "base/json.hpp"
#include "http/json_body.hpp"
#include "http/url.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files {

namespace {

constexpr std::string_view users_permission = "admin:users";
constexpr std::size_t users_max = 100;

// The ids in ?users=ID,ID. Throws Problem 422.
std::vector<std::string> read_users(const http::Request& request)
{
    std::string text = http::find_query_parameter(request.query(), "users").value_or("");
    std::vector<std::string> users;
    std::string_view rest = text;
    while (!rest.empty() && users.size() <= users_max) {
        std::string_view user = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(user.size() + 1, rest.size()));
        if (!is_id(user))
            throw http::Problem::invalid({{"users", "Ids of users are needed here, with commas between them."}});
        users.emplace_back(user);
    }
    if (users.empty() || users.size() > users_max)
        throw http::Problem::invalid({{"users", "From 1 to 100 ids of users are needed here."}});
    return users;
}

}  // namespace

// GET /files/usage: what counts against the caller's quota. 200 {"used_bytes", "trash_bytes", "files", "quota_bytes":
// null for none}.
Task<http::Response> show_usage(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    Usage usage = co_await context.store.usage(caller->subject);
    auto limit = context.quota.limit_of(*caller);
    json::object answer;
    answer["used_bytes"] = usage.bytes;
    answer["trash_bytes"] = usage.trash_bytes;
    answer["files"] = usage.files;
    answer["quota_bytes"] = limit ? json::value(*limit) : json::value(nullptr);
    answer["trash_seconds"] = std::chrono::ceil<std::chrono::seconds>(context.config.trash_ttl).count();
    co_return http::json_response(answer);
}

// GET /admin/usage?users=ID,ID: what users have stored, in the order of the question. Nobody is asked whether they
// exist.
Task<http::Response> show_usage_of_users(http::Request& request, Context& context)
{
    require(context, request, users_permission);
    std::vector<std::string> users = read_users(request);
    json::array items;
    for (const std::string& user : users) {
        Usage usage = co_await context.store.usage(user);
        items.push_back({{"user", user}, {"used_bytes", usage.bytes}, {"files", usage.files}});
    }
    json::object answer;
    answer["items"] = std::move(items);
    co_return http::json_response(answer);
}

}  // namespace gatehouse::files
