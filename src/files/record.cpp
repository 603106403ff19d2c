// SPDX-License-Identifier: Apache-2.0
#include "files/file_json.hpp"
#include "files/handlers.hpp"

#include "http/json_body.hpp"
#include "http/problem.hpp"

namespace gatehouse::files {

// GET /files/{id}: the record, with those of the files derived from it.
Task<http::Response> show_file(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    File file = co_await get_file(context, *caller, request.path_parameters.at(0), read_any_permission);
    auto derived = co_await context.store.derived({1, file.id});
    co_return http::json_response(to_json(file, derived));
}

// DELETE /files/{id}: removes the file and everything derived from it. 204.
Task<http::Response> delete_file(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    File file = co_await get_file(context, *caller, request.path_parameters.at(0), write_any_permission);
    events::Event event = make_deleted_event(file, *caller, request, context.clock.now());
    bool removed = co_await context.store.remove(file.id, std::move(event));
    if (!removed)  // by somebody else in between
        throw http::Problem::not_found("file_not_found", "There is no such file.");
    co_return http::no_content();
}

}  // namespace gatehouse::files
