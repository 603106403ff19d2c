// SPDX-License-Identifier: Apache-2.0
// What the parts of a request's head may look like, for the HTTP/1.1 parser and for HTTP/2. No state, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::http {

constexpr std::size_t method_bytes_max = 32;

// Digits alone, without a leading zero, and small enough for a signed number of 64 bits, which others may use.
std::optional<std::uint64_t> parse_length(std::string_view text);

// uri-host [ ":" port ] of RFC 9110 section 7.2, without the forms that nobody uses and parsers disagree about:
// percent-encoding, sub-delimiters, an empty host or port, IPvFuture.
bool is_authority(std::string_view text);

// CONNECT has no meaning here; TRACE would show the client what is added to requests on their way.
bool is_refused_method(std::string_view method);

// Checks a path and its query: only the bytes that belong there, whole escapes in the path, no escaped NUL anywhere.
bool is_origin_form(std::string_view target);

}  // namespace gatehouse::http
