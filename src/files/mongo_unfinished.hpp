// SPDX-License-Identifier: Apache-2.0
// The mark of a store that `gatehouse migrate` fills and that is not whole yet: the collection `unfinished_transfer`,
// whose one document says from where. As long as it is there no file store opens the database. Blocks; any thread. All
// throw Unavailable.
#pragma once

#include "files/mongo_driver.hpp"

#include <optional>
#include <string>

namespace gatehouse::files::mongo {

void mark_unfinished(Database& database, const std::string& origin);
void clear_unfinished(Database& database);
std::optional<std::string> find_unfinished(Database& database);

}  // namespace gatehouse::files::mongo
