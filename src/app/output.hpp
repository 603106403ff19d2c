// SPDX-License-Identifier: Apache-2.0
// JSON results as text for a terminal. Control characters in values are made visible: they may come from anybody.
#pragma once

#include "base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

struct Column {
    std::string_view title;
    std::string_view key;  // of the item's member
};

// A table with a head, columns as wide as need be. `empty` is what to say for none.
std::string format_table(const json::array& items, const std::vector<Column>& columns, std::string_view empty);

// One "name: value" line for each member; inner objects as JSON.
std::string format_record(const json::object& record);

}  // namespace gatehouse::app
