// SPDX-License-Identifier: Apache-2.0
// For transactions that read users and then revoke: all take the counter of revocations first and users after it, so
// that no two wait for each other. Functions on a connection.
#pragma once

#include "sql/connection.hpp"

namespace gatehouse::auth {

// First in the transaction: from here to the commit nobody else revokes.
inline void hold_revocations(sql::Connection& connection)
{
    connection.execute("UPDATE revocation_counter SET number = number WHERE id = 1");
}

}  // namespace gatehouse::auth
