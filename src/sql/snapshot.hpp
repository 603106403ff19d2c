// SPDX-License-Identifier: Apache-2.0
// Copies of embedded databases as they were at one moment, while another process works on them. Blocks; one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace gatehouse::sql {

class SqliteSnapshot final {
public:
    // Keeps every writer out of all `databases` for the blink of an eye, so that the moment is the same for all of
    // them; waits for those that write, a few seconds at most. Then they go on, and this object sees what was before.
    // Throws Unavailable.
    explicit SqliteSnapshot(std::span<const std::filesystem::path> databases);
    ~SqliteSnapshot();
    SqliteSnapshot(const SqliteSnapshot&) = delete;
    SqliteSnapshot& operator=(const SqliteSnapshot&) = delete;

    // Writes the copy of one of them to a new file (mode 0600), synced, and looks whether it is whole. Throws
    // Unavailable.
    void copy(std::size_t index, const std::filesystem::path& target) const;

private:
    struct Source;
    std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace gatehouse::sql
