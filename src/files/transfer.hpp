// SPDX-License-Identifier: Apache-2.0
// Brings the files of a local store into MongoDB, for `gatehouse migrate`: records as they are, content as it is. What
// is right already stays, so a run that was interrupted is gone on with by running again. Unfinished uploads stay
// behind: their clients begin anew.
//
// Works on a few files at a time with threads of its own; memory grows neither with their number nor with their size.
// Nobody else writes to the target meanwhile. Blocks; one thread. All throw Unavailable.
#pragma once

#include "sql/database.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::files {

struct FileFigures {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};

struct FilesBrought {
    std::uint64_t brought = 0;  // with their content
    std::uint64_t changed = 0;  // the record alone
    std::uint64_t removed = 0;
    std::vector<std::string> damaged;  // ids of files whose content the source has not as their record says; the first
};

struct FileComparison {
    FileFigures source;
    FileFigures target;
    std::uint64_t different = 0;
    std::uint64_t contents = 0;       // whose SHA-256, computed from what the target gave, is right
    std::uint64_t contents_read = 0;  // of these by this comparison; the others by an earlier one
    std::vector<std::string> examples;
};

class FileTransfer final {
public:
    using Progress = std::function<void(std::uint64_t bytes)>;  // so far; on one thread at a time

    // `records` is the local store's database in a transaction of the caller's; it sees the same as long as this lives.
    // `directory` has the content. With `may_vanish` files can be removed there meanwhile: they are left out. Throws
    // std::invalid_argument for a URL that cannot be right.
    FileTransfer(sql::Connection& records, std::filesystem::path directory, const std::string& url, bool may_vanish);
    ~FileTransfer();

    // The mark of a target that is not whole: no server uses it until it is cleared.
    std::optional<std::string> find_mark();
    void mark(const std::string& origin);
    void clear_mark();
    // What the target holds, as "fs.files"; empty: nothing.
    std::vector<std::string> list_target();

    FileFigures count_source();
    FilesBrought bring(const Progress& progress);
    // Reads all records of both, and content of the target that no earlier comparison found right: content never
    // changes.
    FileComparison compare(std::size_t examples_max, const Progress& progress);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Brings a local store's database, without its content, to the newest form.
void migrate_records(sql::Database& database);

// The outbox of a local store, oldest first, behind the entry with the number `after` (0 at first).
struct NumberedEvent {
    std::int64_t number = 0;
    std::string body;  // as events::parse_event() takes it
};
std::vector<NumberedEvent> list_outbox(sql::Connection& records, std::int64_t after, std::size_t limit);

}  // namespace gatehouse::files
