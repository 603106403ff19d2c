// SPDX-License-Identifier: Apache-2.0
// The mark of a store that `gatehouse migrate` fills and that is not whole yet: the collection `unfinished_transfer`,
// whose one document says from where. As long as it is there no file store opens the database. Blocks; any thread. All
// throw Unavailable.
#pragma once

#include "files/mongo_driver.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::files::mongo {

void mark_unfinished(Database& database, const std::string& origin);
void clear_unfinished(Database& database);
std::optional<std::string> find_unfinished(Database& database);

// Which content was read back already and had the SHA-256 of its record: the collection `verified_content`, while the
// mark is there. Content never changes, so once is enough.
struct VerifiedContent {
    std::string file;  // id
    ObjectId content;
};
void note_verified(Database& database, const std::vector<VerifiedContent>& verified);
// Of those files that have one: the content that was verified.
std::map<std::string, ObjectId> find_verified(Database& database, const std::vector<std::string>& files);

}  // namespace gatehouse::files::mongo
