// SPDX-License-Identifier: Apache-2.0
#include "files/file_json.hpp"
#include "files/handlers.hpp"

#include "base/id.hpp"
#include "http/json_body.hpp"
#include "http/page.hpp"
#include "http/problem.hpp"
#include "http/url.hpp"
#include "identity/bearer.hpp"

namespace gatehouse::files {

namespace {

constexpr std::size_t limit_max = 100;

[[noreturn]] void refuse(std::string parameter, std::string detail)
{
    throw http::Problem::invalid({{std::move(parameter), std::move(detail)}});
}

ListQuery parse_query(std::string_view query, const identity::Claims& caller)
{
    ListQuery wanted;
    wanted.owner = caller.subject;
    auto page = http::read_page(query, {.limit_max = limit_max, .is_cursor = is_id, .alias = "after"});
    wanted.after = page.cursor;
    wanted.limit = page.limit;
    if (auto owner = http::find_query_parameter(query, "owner")) {
        if (!is_id(*owner))
            refuse("owner", "must be a user's id");
        wanted.owner = *owner;
    }
    if (read_flag(query, "all"))
        wanted.owner.clear();
    wanted.trashed = read_flag(query, "trash");
    if (wanted.owner != caller.subject && !caller.may(read_any_permission))
        throw identity::insufficient_scope(read_any_permission);
    return wanted;
}

}  // namespace

// GET /files?limit=&cursor=: the caller's uploads, newest first, with what was derived from them. With the permission
// files:read:any those of ?owner=ID, or of everybody with ?all=true. With ?trash=true those in the trash instead.
Task<http::Response> list_files(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    ListQuery query = parse_query(request.query(), *caller);
    std::size_t page = query.limit;
    query.limit = page + 1;  // one more tells whether there is a next page
    auto files = co_await context.store.list(query);
    std::string next;
    if (files.size() > page) {
        files.resize(page);
        next = files.back().id;
    }
    std::vector<std::string> ids;
    ids.reserve(files.size());
    for (const File& file : files)
        ids.push_back(file.id);
    std::vector<File> derived;
    if (!query.trashed)
        derived = co_await context.store.derived(std::move(ids));
    co_return http::json_response(to_json_list(files, derived, next));
}

}  // namespace gatehouse::files
