// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"

namespace gatehouse::auth {

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

}  // namespace gatehouse::auth
