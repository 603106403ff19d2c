// SPDX-License-Identifier: Apache-2.0
// What a readable configuration can still have wrong: addresses, URLs, routes, names, and what does not fit together.
#pragma once

#include "app/config_load.hpp"

#include <string>
#include <string_view>

namespace gatehouse::app {

// Reports everything at once.
void check_config(const Config& config, Report& report);

// "orders:read", "admin:*", "*": small letters, digits, '-', '_' and '.', in parts separated by ':'.
bool is_permission(std::string_view text);

}  // namespace gatehouse::app
