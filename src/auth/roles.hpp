// SPDX-License-Identifier: Apache-2.0
// Which permissions a role stands for. Immutable; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

inline constexpr std::string_view admin_role = "admin";
inline constexpr std::string_view user_role = "user";

bool is_role(std::string_view name);
std::vector<std::string> permissions_of(const std::vector<std::string>& roles);  // sorted, each once

}  // namespace gatehouse::auth
