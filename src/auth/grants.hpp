// SPDX-License-Identifier: Apache-2.0
// Who may give what to whom: nobody makes themselves or another more than they are, but for administrators of
// everything (`admin:*`). Called in the transaction of the change; a refusal is a Problem, thrown out of it.
#pragma once

#include "auth/user_store.hpp"
#include "sql/connection.hpp"

#include <string>
#include <vector>

namespace gatehouse::auth {

// 403 beyond_own_permissions unless `by` has all of these. What the role `user` stands for may be given by everybody
// who may give anything.
void require_may_give(const User& by, const std::vector<std::string>& permissions);

// 422 for a role that does not exist; 403 as above.
void require_may_give_roles(sql::Connection& connection, const User& by, const std::vector<std::string>& roles);

// 403 as above: whose permissions go beyond those of `by` is not changed, locked out or removed by them.
void require_may_manage(const User& by, const User& target);

}  // namespace gatehouse::auth
