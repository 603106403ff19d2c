// SPDX-License-Identifier: Apache-2.0
// The audit log in the store: who did what to whom, from where. Append-only; each record holds a hash over itself and
// the hash of the record before, so that a changed, removed or inserted one is found. Functions on a connection: the
// caller gives the transaction, which is that of the change itself.
#pragma once

#include "base/clock.hpp"
#include "base/json.hpp"
#include "sql/connection.hpp"

#include <cstdint>
#include <string>

namespace gatehouse::auth {

struct AuditEntry {
    std::string type;     // "login.accepted", "session.ended", "user.roles_changed"
    std::string actor;    // user id, or "command-line", "gatehouse", "" for nobody known
    std::string target;   // user id, session id, key id, role
    std::string address;  // the client's
    std::string request_id;
    json::object details;  // a few short members, never a secret
};

// Call it last in the transaction: from here to the commit other writers of the log wait.
void add_audit(sql::Connection& connection, TimePoint now, const AuditEntry& entry);

}  // namespace gatehouse::auth
