// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "base/text.hpp"
#include "http/page.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

constexpr std::string_view permission = "admin:audit";
constexpr std::size_t filter_bytes_max = 64;  // more is in no record

struct PageRequest {
    AuditFilter filter;
    std::optional<std::int64_t> before;
    std::size_t limit = 0;
};

bool is_record_number(std::string_view cursor) { return read_number<std::int64_t>(cursor).value_or(0) >= 1; }

PageRequest read_page(std::string_view query)
{
    PageRequest page;
    std::vector<http::FieldError> errors;
    auto read_filter = [&](std::string_view name, std::string& to) {
        auto value = http::find_query_parameter(query, name);
        if (!value)
            return;
        // An empty one would find everything, which nobody who names a filter wants.
        if (value->empty() || value->size() > filter_bytes_max)
            errors.push_back({std::string(name), fmt::format("A text of 1 to {} bytes.", filter_bytes_max)});
        to = std::move(*value);
    };
    read_filter("type", page.filter.type);
    read_filter("actor", page.filter.actor);
    read_filter("target", page.filter.target);
    auto wanted = http::read_page(query, {.is_cursor = is_record_number}, errors);
    if (!errors.empty())
        throw http::Problem::invalid(std::move(errors));
    page.before = read_number<std::int64_t>(wanted.cursor);
    page.limit = wanted.limit;
    return page;
}

}  // namespace

// GET /admin/audit: what happened, newest first, a page at a time.
Task<http::Response> list_audit_page(http::Request& request, Context& context)
{
    co_await require_caller(request, context, permission);
    PageRequest page = read_page(request.query());
    auto list = [&](sql::Connection& connection) {
        return list_audit(connection, page.filter, page.before, page.limit + 1);
    };
    auto records = co_await context.database.read(list);
    json::value next = nullptr;
    if (records.size() > page.limit) {
        records.pop_back();
        next = json::string(std::to_string(records.back().number));
    }
    json::array items;
    for (const AuditRecord& record : records)
        items.push_back(to_json(record));
    json::object body;
    body["items"] = std::move(items);
    body["next"] = std::move(next);
    co_return private_json(body);
}

}  // namespace gatehouse::auth
