// SPDX-License-Identifier: Apache-2.0
// Signing keys in the store. Functions on a connection: the caller gives the transaction.
//
//   next ---------------> active ---------------> retired ---------------> (removed)
//         activates_at            the following           the last token
//                                 key's activates_at      has expired
//
// A key is published as soon as it is in the store, so every verifier knows it before it signs. What a key is follows
// from the times alone: processes change over at the same moment and need not ask anybody then. The private halves are
// encrypted (secret_box).
#pragma once

#include "auth/audit_store.hpp"
#include "auth/secret_box.hpp"
#include "base/clock.hpp"
#include "identity/keys.hpp"
#include "sql/connection.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

struct StoredKey {
    identity::SigningKey key;
    TimePoint created_at;
    TimePoint activates_at;
    std::optional<TimePoint> retires_at;  // when the following key is activated, or was
};

// "next", "active" or "retired".
std::string_view state_of(const StoredKey& key, TimePoint now);

// The one that is activated last comes first. Throws std::runtime_error for a key that cannot be read, or not with the
// key of this box.
std::vector<StoredKey> load_keys(sql::Connection& connection, const SecretBox& box);

// Encrypts the keys that an older version stored as they are; gives their number.
std::size_t seal_plain_keys(sql::Connection& connection, const SecretBox& box);

struct NewKey {
    identity::Algorithm algorithm;
    TimePoint created_at;
    TimePoint activates_at;
};
// Makes the key that follows all others. One that was to be activated later than this never is: it is only published.
identity::SigningKey add_key(sql::Connection& connection, const SecretBox& box, const NewKey& wanted);

// The audit record of a new key.
AuditEntry rotation_entry(const identity::SigningKey& key, TimePoint activates_at, std::string_view actor);

// Removes the keys that were retired before `before`.
void sweep_keys(sql::Connection& connection, TimePoint before);

}  // namespace gatehouse::auth
