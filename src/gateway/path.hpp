// SPDX-License-Identifier: Apache-2.0
// The one form of a path that routes are matched on and that is forwarded: what the gateway decides about is what the
// service behind it sees.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::gateway {

// `path` with the percent-encodings of unreserved characters undone and the others in upper case (RFC 3986
// section 6.2.2). nullopt for what services read differently:
// - segments of dots ("..", "...", "..%20"), empty segments before the last;
// - encoded slashes, backslashes and control characters, and raw bytes that a path may not hold;
// - path parameters (";x=1", raw or encoded): some services cut them off before they look at the path;
// - what an escape decodes to is not UTF-8 (overlong forms, stray bytes), or is a part of another escape ("%252e");
// - broken escapes.
// A dot at the end of a name stays: names such as "Inc." are real.
std::optional<std::string> normalize_path(std::string_view path);

// True when the path is in that form already: the usual case, found without copying.
bool is_normal_path(std::string_view path);

}  // namespace gatehouse::gateway
