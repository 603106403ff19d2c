// SPDX-License-Identifier: Apache-2.0
// Text forms of bytes: hexadecimal and base64 (RFC 4648), both strict: what decodes encodes back to the same text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

std::string to_hex(std::string_view bytes);          // lower case
char* write_hex(std::string_view bytes, char* out);  // the same into memory that is there; the end of it
std::optional<std::string> from_hex(std::string_view text);

std::string to_base64(std::string_view bytes);     // with padding
std::string to_base64url(std::string_view bytes);  // without padding, as JOSE wants it

// nullopt for a foreign character, wrong or missing padding, or non-zero trailing bits.
std::optional<std::string> from_base64(std::string_view text);
std::optional<std::string> from_base64url(std::string_view text);  // padding is refused

// True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

}  // namespace gatehouse
