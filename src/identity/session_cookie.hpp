// SPDX-License-Identifier: Apache-2.0
// The console's session: the access token and the refresh token in two HttpOnly cookies that no script can read.
//
// The gateway takes the access token out of the cookie, puts it into Authorization and strips both cookies before it
// forwards. A request that changes state and is authenticated by the cookie alone must prove that it comes from our own
// pages.
#pragma once

#include "http/message.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::identity {

inline constexpr std::string_view access_cookie = "__Host-gatehouse";
inline constexpr std::string_view refresh_cookie = "__Host-gatehouse-refresh";

// The value of the cookie `name` in the request's Cookie fields; nullopt when absent or sent twice.
std::optional<std::string> find_cookie(const http::Headers& headers, std::string_view name);

// Removes our two cookies from the Cookie fields and leaves the users' services theirs.
void strip_session_cookies(http::Headers& headers);

// A Set-Cookie value: Secure, HttpOnly, SameSite=Strict, Path=/. An age of 0 deletes the cookie.
std::string make_session_cookie(std::string_view name, std::string_view value, std::chrono::seconds max_age);

// True when Sec-Fetch-Site says same-origin, or, from a browser without it, Origin is the request's own scheme and
// Host.
bool is_same_origin(const http::Request& request);

}  // namespace gatehouse::identity
