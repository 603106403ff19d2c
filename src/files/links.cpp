// SPDX-License-Identifier: Apache-2.0
#include "files/handlers.hpp"

#include "base/json.hpp"
#include "http/json_body.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

namespace gatehouse::files {

namespace {

constexpr std::size_t form_bytes_max = 4096;

std::chrono::seconds read_lifetime(const json::object& form, std::chrono::seconds lifetime_max)
{
    for (const auto& member : form)
        if (member.key() != "expires_in")
            throw http::Problem::invalid({{fmt::format("/{}", std::string_view(member.key())), "is not known here"}});
    auto seconds = find_integer(form, "expires_in");
    if (!seconds || *seconds < 1 || *seconds > lifetime_max.count())
        throw http::Problem::invalid(
            {{"/expires_in", fmt::format("must be a number of seconds from 1 to {}", lifetime_max.count())}});
    return std::chrono::seconds{*seconds};
}

}  // namespace

// POST /files/{id}/links {"expires_in": seconds}: a link by which anybody who has it downloads the file until then.
// 201 {"url", "expires_at"}.
Task<http::Response> make_link(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    auto form = co_await http::read_json(request, form_bytes_max);
    auto lifetime = read_lifetime(form, context.config.link_lifetime_max);
    File file = co_await get_file(context, *caller, request.path_parameters.at(0), read_any_permission);
    TimePoint expires_at = std::chrono::floor<std::chrono::seconds>(context.clock.now()) + lifetime;
    json::object link;
    link["url"] = context.public_url + context.links.make(file.id, expires_at, file.link_generation);
    link["expires_at"] = format_rfc3339(expires_at);
    http::Response response = http::json_response(link, 201);
    response.headers.set("cache-control", "no-store");
    co_return response;
}

// DELETE /files/{id}/links: from now on no link of this file that was made before is valid. 204.
Task<http::Response> end_links(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    File file = co_await get_file(context, *caller, request.path_parameters.at(0), write_any_permission);
    bool there = co_await context.store.end_links(file.id);
    if (!there)  // removed in between
        throw http::Problem::not_found("file_not_found", "There is no such file.");
    co_return http::no_content();
}

}  // namespace gatehouse::files
