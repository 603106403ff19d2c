// SPDX-License-Identifier: Apache-2.0
// Which files changed, for who shows them as they change: what a FileStore tells of its changes.
//
// A feed belongs to one reader, who calls it from I/O threads, one call at a time; it must not outlive its store.
#pragma once

#include "base/task.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gatehouse::files {

// Of a file: made, its state or its progress set, or removed. What it is now is asked of the store.
struct Change {
    std::string id;
    std::string owner;     // empty: not known here
    std::string source;    // what it is derived from; empty: nothing, or not known here
    bool removed = false;  // then owner and source are known
    bool operator==(const Change&) const = default;
};

struct Changes {
    std::vector<Change> changes;
    bool lost = false;  // there were more than are kept: the reader must look at everything again
};

class ChangeFeed {
public:
    virtual ~ChangeFeed() = default;

    // What changed since the last call, at first since the feed was made: at most `limit`, oldest first; what is left
    // comes with the next call. Files of others than `owners` may be left out. A change is told at least once. Throws
    // Unavailable; nothing is lost by that.
    virtual Task<Changes> read(std::vector<std::string> owners, std::size_t limit) = 0;
};

}  // namespace gatehouse::files
