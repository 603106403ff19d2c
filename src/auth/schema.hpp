// SPDX-License-Identifier: Apache-2.0
// The tables of the role, as steps from an empty store to the newest form.
#pragma once

#include "sql/database.hpp"

namespace gatehouse::auth {

void migrate(sql::Database& database);  // blocks

}  // namespace gatehouse::auth
