// SPDX-License-Identifier: Apache-2.0
// The changes of files that any process makes to one database, found by asking for them.
//
// Every change of a file sets metadata.changed_at to the time of the process that makes it. A reader asks for what
// changed up to `overlap` ago and leaves out what it has told already, so that neither a change that took long to
// become visible nor clocks that differ are missed, as long as both together stay below `overlap`.
// Blocks. One thread at a time.
#pragma once

#include "files/change_feed.hpp"
#include "files/mongo_driver.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace gatehouse::files::mongo {

class ChangeReader final {
public:
    static constexpr std::chrono::seconds overlap{30};

    // Everything from now on. `database` outlives it.
    explicit ChangeReader(Database& database);

    // As ChangeFeed::read(). Throws Unavailable.
    Changes read(const std::vector<std::string>& owners, std::size_t limit);

private:
    bool read_page(const std::vector<std::string>& owners, std::size_t limit, std::vector<Change>& changes);

    Database& database_;
    TimePoint from_;
    std::map<ObjectId, TimePoint> told_;  // by content: the latest change of it that was told
};

}  // namespace gatehouse::files::mongo
