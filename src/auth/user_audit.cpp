// SPDX-License-Identifier: Apache-2.0
#include "auth/user_audit.hpp"

namespace gatehouse::auth {

namespace {

json::array list_of(const std::vector<std::string>& roles) { return json::array(roles.begin(), roles.end()); }

void add(sql::Connection& connection, TimePoint now, AuditEntry& entry, std::string_view type, const User& target,
         json::object details)
{
    entry.type = type;
    entry.target = target.id;
    entry.details = std::move(details);
    add_audit(connection, now, entry);
}

}  // namespace

void audit_user_created(sql::Connection& connection, TimePoint now, AuditEntry by, const User& made)
{
    add(connection, now, by, "user.created", made, {{"username", made.username}, {"roles", list_of(made.roles)}});
}

void audit_user_removed(sql::Connection& connection, TimePoint now, AuditEntry by, const User& removed)
{
    add(connection, now, by, "user.removed", removed, {{"username", removed.username}});
}

void audit_user_changed(sql::Connection& connection, TimePoint now, AuditEntry by, const User& before,
                        const User& after)
{
    if (before.disabled != after.disabled)
        add(connection, now, by, after.disabled ? "user.disabled" : "user.enabled", after, {});
    if (before.roles != after.roles)
        add(connection, now, by, "user.roles_changed", after,
            {{"from", list_of(before.roles)}, {"to", list_of(after.roles)}});
}

}  // namespace gatehouse::auth
