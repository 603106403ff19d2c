// SPDX-License-Identifier: Apache-2.0
// Signing keys in the store. Functions on a connection: the caller gives the transaction.
//
// One key is active and signs. A retired one stays published until the last token that it signed has expired. The
// private halves are encrypted (secret_box).
#pragma once

#include "auth/secret_box.hpp"
#include "base/clock.hpp"
#include "identity/keys.hpp"
#include "sql/connection.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

struct StoredKey {
    identity::SigningKey key;
    TimePoint created_at;
    std::optional<TimePoint> retired_at;
};

// The active key first. Throws std::runtime_error for a key that cannot be read, or not with the key of this box.
std::vector<StoredKey> load_keys(sql::Connection& connection, const SecretBox& box);

// Encrypts the keys that an older version stored as they are; gives their number.
std::size_t seal_plain_keys(sql::Connection& connection, const SecretBox& box);

// Makes a new active key and retires the one before.
identity::SigningKey rotate_key(sql::Connection& connection, const SecretBox& box, identity::Algorithm algorithm,
                                TimePoint now);

// Removes the keys that were retired before `before`.
void sweep_keys(sql::Connection& connection, TimePoint before);

// How long a key stays published after it was retired.
std::chrono::seconds key_overlap(std::chrono::seconds access_token_ttl);

std::optional<identity::Algorithm> find_algorithm(std::string_view name);  // "EdDSA", "ES256", "RS256"

}  // namespace gatehouse::auth
