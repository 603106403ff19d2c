// SPDX-License-Identifier: Apache-2.0
// User names and e-mail addresses: what is allowed, and the form in which two of them are the same. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::auth {

// What is wrong with it, a sentence for the one who typed it; nullopt when it is allowed.
//   username: 1 to 64 characters, no ':' (HTTP Basic ends the name there), nothing invisible, no space at its ends.
//   email: something@somewhere of at most 254 bytes. Whether mail arrives there is not asked.
std::optional<std::string> check_username(std::string_view name);
std::optional<std::string> check_email(std::string_view email);

// Lower case, letter by letter. nullopt for what is not UTF-8 or too long to be a name at all.
std::optional<std::string> fold_name(std::string_view name);

std::size_t count_characters(std::string_view utf8);

}  // namespace gatehouse::auth
