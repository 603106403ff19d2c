// SPDX-License-Identifier: Apache-2.0
// For transactions that read users and then revoke: whoever reads a user reads the number of the last revocation too,
// so two of them at once would each wait for the other to let go of it. Functions on a connection.
#pragma once

#include "sql/connection.hpp"

namespace gatehouse::auth {

// First in the transaction: from here to the commit nobody else revokes.
inline void hold_revocations(sql::Connection& connection)
{
    connection.execute("UPDATE revocation_counter SET number = number WHERE id = 1");
}

}  // namespace gatehouse::auth
