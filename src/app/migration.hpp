// SPDX-License-Identifier: Apache-2.0
// What `gatehouse migrate` does: brings everything of an installation on embedded stores to servers, and compares.
//
//   1. both sides are looked at: the target holds nothing, or what an earlier run from the same source brought
//   2. with `finish` the source is closed for changes (sql/closed_database.hpp); reads go on
//   3. the source's databases are copied as they are at one moment; all that follows reads the copies, and content
//   4. the target is marked as not whole, so that no server uses it
//   5. rows, files and, with `finish`, events are brought, then read back and compared
//   6. with `finish`, when nothing differs, the marks go. The source stays closed
//
// Each step can be interrupted and all of it run again. One thread, which blocks.
#pragma once

#include "app/config.hpp"
#include "base/json.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::app {

// One kind of things, a table or a queue.
struct MovedKind {
    std::string name;
    std::uint64_t source = 0;
    std::uint64_t target = 0;
    std::uint64_t changed = 0;  // by this run: brought, corrected or removed
    std::uint64_t different = 0;
};

struct MigrationReport {
    std::vector<MovedKind> kinds;
    std::uint64_t contents = 0;            // whose SHA-256 was compared, by this run or an earlier one
    std::uint64_t contents_read = 0;       // by this run
    std::uint64_t bytes = 0;               // of all files in the target
    std::vector<std::string> differences;  // the first of them
    TimePoint as_of;
    bool finished = false;

    std::uint64_t different() const;
};

// Throws std::exception when it cannot be done, or not now. The source is open again then, unless it was closed before.
MigrationReport run_migration(const Config& from, const Config& to, bool finish);

// Lets the source take changes again, whatever became of its copy. The number of databases that were closed.
std::size_t open_source_again(const Config& from);

// A sentence when these configurations do not say from where to where.
std::optional<std::string> find_direction_error(const Config& from, const Config& to);

}  // namespace gatehouse::app
