// SPDX-License-Identifier: Apache-2.0
#include "files/handlers.hpp"

#include "base/json.hpp"
#include "http/json_body.hpp"

namespace gatehouse::files {

// GET /files/usage: what counts against the caller's quota. 200 {"used_bytes", "files", "quota_bytes": null for none}.
Task<http::Response> show_usage(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    Usage usage = co_await context.store.usage(caller->subject);
    auto limit = context.quota.limit_of(*caller);
    json::object answer;
    answer["used_bytes"] = usage.bytes;
    answer["files"] = usage.files;
    answer["quota_bytes"] = limit ? json::value(*limit) : json::value(nullptr);
    co_return http::json_response(answer);
}

}  // namespace gatehouse::files
