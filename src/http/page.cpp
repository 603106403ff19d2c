// SPDX-License-Identifier: Apache-2.0
#include "http/page.hpp"

#include "base/text.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

namespace gatehouse::http {

Page read_page(std::string_view query, const PageRules& rules)
{
    std::vector<FieldError> errors;
    Page page = read_page(query, rules, errors);
    if (!errors.empty())
        throw Problem::invalid(std::move(errors));
    return page;
}

Page read_page(std::string_view query, const PageRules& rules, std::vector<FieldError>& errors)
{
    Page page;
    page.limit = rules.limit;
    std::string_view name = "cursor";
    auto cursor = find_query_parameter(query, name);
    if (!cursor && !rules.alias.empty()) {
        name = rules.alias;
        cursor = find_query_parameter(query, name);
    }
    if (cursor) {
        page.cursor = *cursor;
        if (rules.is_cursor && !rules.is_cursor(*cursor))
            errors.push_back({std::string(name), "This is not a cursor that a list gave."});
    }
    if (auto limit = find_query_parameter(query, "limit")) {
        page.limit = read_number<std::size_t>(*limit).value_or(0);
        if (page.limit < 1 || page.limit > rules.limit_max)
            errors.push_back({"limit", fmt::format("A number from 1 to {}.", rules.limit_max)});
    }
    return page;
}

}  // namespace gatehouse::http
