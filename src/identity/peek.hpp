// SPDX-License-Identifier: Apache-2.0
// What a token says of itself, verified by nobody: for people who ask why it is refused, never for a decision.
#pragma once

#include "base/json.hpp"

#include <optional>
#include <string_view>

namespace gatehouse::identity {

// {"header":{...},"claims":{...}}; nullopt when it is not three parts of JSON.
std::optional<json::object> peek_token(std::string_view token);

}  // namespace gatehouse::identity
