// SPDX-License-Identifier: Apache-2.0
// What can be told about the role's store without changing it, for `gatehouse doctor`. Blocks; any thread.
#pragma once

#include "auth/secret_box.hpp"
#include "sql/connection.hpp"

#include <optional>
#include <string>

namespace gatehouse::auth {

// The component's name and the version that this program brings it to.
inline constexpr std::string_view schema_component = "auth";
int newest_schema_version();

// Why what the store keeps encrypted cannot be read with this box; nullopt when it can, or there is nothing. REQUIRES:
// the schema is the newest, and a transaction of the caller's. Throws Unavailable.
std::optional<std::string> find_key_error(sql::Connection& connection, const SecretBox& box);

}  // namespace gatehouse::auth
