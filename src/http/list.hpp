// SPDX-License-Identifier: Apache-2.0
// Fields whose values are lists (RFC 9110 section 5.6.1): several fields of one name are one list. No state, any
// thread.
#pragma once

#include "http/message.hpp"
#include "http/tokens.hpp"

#include <algorithm>
#include <string_view>

namespace gatehouse::http {

// Calls visit(element) for each element of `list`, without surrounding white space; for empty elements too, but for one
// after the last comma.
template <class Visit>
void for_each_element(std::string_view list, Visit visit)
{
    while (!list.empty()) {
        std::size_t end = std::min(list.find(','), list.size());
        visit(tokens::trim(list.substr(0, end)));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
}

// The same for the list that the fields `name` make up together. `name` in lower case.
template <class Visit>
void for_each_element(const Headers& headers, std::string_view name, Visit visit)
{
    for (Field field : headers)
        if (field.name == name)
            for_each_element(field.value, visit);
}

}  // namespace gatehouse::http
