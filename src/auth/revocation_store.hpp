// SPDX-License-Identifier: Apache-2.0
// The log of revocations in the store (docs/adr/0009-revocation.md): each revokes access tokens before they expire.
// Numbers have no gaps and follow the order of commits, because who adds one holds the counter until the commit. A
// token says which number was the last one when its user was read (claim `rev`), so no clock decides what a revocation
// means. Functions on a connection: the caller gives the transaction, which is that of the change itself.
#pragma once

#include "base/clock.hpp"
#include "identity/revocation_list.hpp"
#include "sql/connection.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

// Every token of the session.
void revoke_session(sql::Connection& connection, std::string_view session_id, TimePoint now);
// Every token of the user that was made from what was in the store before this transaction.
void revoke_user(sql::Connection& connection, std::string_view user_id, TimePoint now);
// The same for every user with the role.
void revoke_role(sql::Connection& connection, std::string_view role, TimePoint now);

// The number given last: what a token that is made from this transaction's view of the store carries.
std::int64_t last_revocation(sql::Connection& connection);

// What a server that has read to `from` reads of the log, without those that matter no more.
identity::RevocationNews read_revocations(sql::Connection& connection, const identity::RevocationList::Position& from,
                                          TimePoint now, std::chrono::seconds keep);

// Gives the log of a new store its id.
void name_revocation_log(sql::Connection& connection);
// Removes a few of those that no token can be concerned by any more.
void sweep_revocations(sql::Connection& connection, TimePoint before);

// What the store itself says of a token, for who cannot wait for the log.
bool is_revoked(sql::Connection& connection, const identity::Claims& claims);

}  // namespace gatehouse::auth
