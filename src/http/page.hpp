// SPDX-License-Identifier: Apache-2.0
// Which page of a list a request asks for: `?limit=&cursor=`, the same for every list. No state, any thread.
#pragma once

#include "http/problem.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

struct PageRules {
    std::size_t limit = 50;  // when the query names none
    std::size_t limit_max = 200;
    bool (*is_cursor)(std::string_view) = nullptr;  // whether a list could have given this as `next`
    std::string_view alias = {};                    // another name of `cursor`, for older clients
};

struct Page {
    std::string cursor;  // empty: from the beginning
    std::size_t limit = 0;
};

// Throws Problem 422 invalid_fields for a limit or a cursor that cannot be.
Page read_page(std::string_view query, const PageRules& rules);
// The same for who reads more of the query: adds what is wrong to `errors`.
Page read_page(std::string_view query, const PageRules& rules, std::vector<FieldError>& errors);

}  // namespace gatehouse::http
