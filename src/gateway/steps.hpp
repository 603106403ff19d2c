// SPDX-License-Identifier: Apache-2.0
// The steps that a request takes through the gateway, by name: for what is told about it afterwards. The order is that
// of pipeline.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gatehouse::gateway {

enum class Step : std::uint8_t {
    forward_auth,
    https,
    path,
    preflight,
    route,
    maintenance,
    rate_limit,
    upgrade,
    authentication,
    overload,
    user_rate_limit,
    permission,
    revocation,
    body,
    upstream,
};

inline constexpr std::array<std::string_view, 15> step_names{
    "forward_auth",    "https",      "path",       "preflight",      "route",
    "maintenance",     "rate_limit", "upgrade",    "authentication", "overload",
    "user_rate_limit", "permission", "revocation", "body",           "upstream"};

}  // namespace gatehouse::gateway
