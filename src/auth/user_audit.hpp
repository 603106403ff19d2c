// SPDX-License-Identifier: Apache-2.0
// What the audit log says when an account is made, changed or removed, by an administrator or on the command line.
// `by` names who does it and from where; type, target and details are set here. Inside the transaction of the change.
#pragma once

#include "auth/audit_store.hpp"
#include "auth/user_store.hpp"

namespace gatehouse::auth {

void audit_user_created(sql::Connection& connection, TimePoint now, AuditEntry by, const User& made);
void audit_user_removed(sql::Connection& connection, TimePoint now, AuditEntry by, const User& removed);

// A record for each of: disabled or enabled, other roles. None when nothing changed.
void audit_user_changed(sql::Connection& connection, TimePoint now, AuditEntry by, const User& before,
                        const User& after);

}  // namespace gatehouse::auth
