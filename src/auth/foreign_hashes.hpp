// SPDX-License-Identifier: Apache-2.0
// Password hashes that other programs made, as `gatehouse user import` stores them. Each is replaced by argon2id at the
// first login. Any thread.
//
//   $2a$12$…  $2b$…  $2y$…                   bcrypt, by crypt(3)
//   $pbkdf2$i=29000$salt$hash                PBKDF2 with HMAC-SHA-1, SHA-256 or SHA-512 (`$pbkdf2-sha256$`,
//   $pbkdf2-sha512$29000$salt$hash           `$pbkdf2-sha512$`): base64 without padding, '.' or '+' for the 62nd digit
//   pbkdf2_sha256$600000$salt$hash           Django: the salt as it stands, base64 with padding
//   pbkdf2_sha1$…
//   {plain}sesame                            the password itself
//
// What a hash may cost is bounded, so that importing one cannot make logins a denial of service.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::auth {

inline constexpr int bcrypt_cost_max = 14;
inline constexpr unsigned pbkdf2_iterations_max = 2'000'000;

bool is_foreign_hash(std::string_view stored);  // by its beginning

// What is wrong with it, a sentence for who imports it; nullopt when logins can be verified with it.
std::optional<std::string> check_foreign_hash(std::string_view stored);

// False for what check_foreign_hash() refuses. Takes as long as the hash asks for.
bool verify_foreign_hash(std::string_view password, std::string_view stored);

}  // namespace gatehouse::auth
