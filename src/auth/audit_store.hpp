// SPDX-License-Identifier: Apache-2.0
// The audit log in the store: who did what to whom, from where. Append-only; each record holds a hash over itself and
// the hash of the record before, so that a changed, removed or inserted one is found. Functions on a connection: the
// caller gives the transaction, which is that of the change itself.
#pragma once

#include "base/clock.hpp"
#include "base/json.hpp"
#include "sql/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

// The actor of what was done on the command line, and of what Gatehouse did by itself.
inline constexpr std::string_view command_line_actor = "command-line";
inline constexpr std::string_view own_actor = "gatehouse";

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

struct AuditRecord {
    std::int64_t number = 0;  // from 1, without gaps
    TimePoint at;
    std::string type, actor, target, address, request_id;
    std::string details;  // JSON, as it was hashed
    std::string hash;
};
json::object to_json(const AuditRecord& record);

// What to look for; what is empty does not count.
struct AuditFilter {
    std::string type, actor, target;
};
// Newest first; `before` is the number of the last record of the page before.
std::vector<AuditRecord> list_audit(sql::Connection& connection, const AuditFilter& filter,
                                    std::optional<std::int64_t> before, std::size_t limit);

// How far the chain was found to be right.
struct AuditCheck {
    std::int64_t count = 0;        // records that are right, from the first one on
    std::string head;              // the hash of the last of them
    bool done = false;             // nothing is left to check
    std::string wrong;             // what is wrong, "" when nothing is: the end of a sentence
    std::int64_t first_wrong = 0;  // the number of the first record that is
};
// Goes on where `check` ended, for at most `limit` records.
AuditCheck check_audit(sql::Connection& connection, AuditCheck check, std::size_t limit);

std::optional<std::string> find_audit_hash(sql::Connection& connection, std::int64_t number);

}  // namespace gatehouse::auth
