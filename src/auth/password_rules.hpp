// SPDX-License-Identifier: Apache-2.0
// What a new password may be: the rules of OWASP ASVS 5.0, chapter 6.2. Any thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::auth {

// A longer password cannot be right.
inline constexpr std::size_t password_bytes_max = 4UL * 128;

// What is wrong with it as a new password, a sentence for the one who typed it. 8 to 128 characters of UTF-8; none of
// the 3,000 most common ones; something is left of it without `names` (the user's own, addresses in parts) and the name
// of this product. No rules of composition.
std::optional<std::string> check_new_password(std::string_view password, std::initializer_list<std::string_view> names);

}  // namespace gatehouse::auth
