// SPDX-License-Identifier: Apache-2.0
// Two configurations beside each other: what differs, and what of that a running process can take. Pure functions on
// the table of settings; they know no key.
#pragma once

#include "app/config.hpp"
#include "base/json.hpp"

#include <string>
#include <vector>

namespace gatehouse::app {

// One setting that differs. Within a list of maps it is a setting of one item, named as in `gateway.routes[/orders].
// permission`, or the item as a whole when it is in one of the lists only.
struct ConfigChange {
    std::string key;
    json::value before;  // without secrets; null: not there
    json::value after;
    bool at_next_start = false;  // a running process does not take it
};

// The configurations are only read.
std::vector<ConfigChange> find_changes(Config& before, Config& after);

// `running` with the settings of `loaded` that take effect without a restart.
Config take_reloadable(Config running, Config loaded);

json::value to_json(const std::vector<ConfigChange>& changes);

}  // namespace gatehouse::app
