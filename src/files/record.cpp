// SPDX-License-Identifier: Apache-2.0
#include "files/file_json.hpp"
#include "files/handlers.hpp"

#include "base/id.hpp"
#include "http/json_body.hpp"
#include "http/problem.hpp"
#include "http/url.hpp"

#include <utility>

namespace gatehouse::files {

namespace {

// The caller's own upload in the trash, or with the permission anybody's.
Task<std::optional<File>> find_in_trash(Context& context, const identity::Claims& caller, std::string id)
{
    std::optional<File> file;
    if (is_id(id))
        file = co_await context.store.find_trashed(std::move(id));
    if (file && file->owner != caller.subject && !caller.may(write_any_permission))
        file.reset();
    co_return file;
}

}  // namespace

bool read_flag(std::string_view query, std::string_view name)
{
    auto value = http::find_query_parameter(query, name);
    if (value && *value != "true" && *value != "false")
        throw http::Problem::invalid({{std::string(name), "must be true or false"}});
    return value == "true";
}

// GET /files/{id}: the record, with those of the files derived from it.
Task<http::Response> show_file(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    File file = co_await get_file(context, *caller, request.path_parameters.at(0), read_any_permission);
    auto derived = co_await context.store.derived({1, file.id});
    co_return http::json_response(to_json(file, derived));
}

// DELETE /files/{id}: puts an upload into the trash; with ?permanent=true, where there is no trash, and what was
// derived from an upload, for good. 204.
Task<http::Response> delete_file(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    std::string id = request.path_parameters.at(0);
    bool permanent = read_flag(request.query(), "permanent");
    std::optional<File> trashed;
    if (permanent)
        trashed = co_await find_in_trash(context, *caller, id);
    File file;
    if (trashed)
        file = std::move(*trashed);
    else
        file = co_await get_file(context, *caller, std::move(id), write_any_permission);
    TimePoint now = context.clock.now();
    bool keep = !permanent && file.derived_from.empty() && context.config.trash_ttl.count() > 0;
    bool removed = false;
    if (keep) {
        Trashed how{now, now + context.config.trash_ttl, caller->subject};
        events::Event event = make_trashed_event(file, how, request);
        removed = co_await context.store.trash(file.id, std::move(how), std::move(event));
    } else {
        events::Event event = make_deleted_event(file, *caller, request, now);
        removed = co_await context.store.remove(file.id, std::move(event));
    }
    if (!removed)  // by somebody else in between
        throw http::Problem::not_found("file_not_found", "There is no such file.");
    co_return http::no_content();
}

// POST /files/{id}/restore: takes an upload out of the trash. 200 with its record, as for one that is not in the trash.
Task<http::Response> restore_file(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    std::string id = request.path_parameters.at(0);
    auto trashed = co_await find_in_trash(context, *caller, id);
    if (trashed) {
        events::Event event = make_restored_event(*trashed, *caller, request, context.clock.now());
        co_await context.store.restore(trashed->id, std::move(event));  // or somebody else did just now
    }
    File file = co_await get_file(context, *caller, std::move(id), write_any_permission);
    auto derived = co_await context.store.derived({1, file.id});
    co_return http::json_response(to_json(file, derived));
}

}  // namespace gatehouse::files
