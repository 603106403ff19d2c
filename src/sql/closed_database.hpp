// SPDX-License-Identifier: Apache-2.0
// An embedded database that takes no changes any more, while and after `gatehouse migrate` moves it elsewhere: every
// transaction that would write is refused as Unavailable, in whatever process and however often it starts anew, and
// what was committed before can be read. Blocks; one thread; other processes may work on it. Throws Unavailable.
#pragma once

#include <filesystem>

namespace gatehouse::sql {

// When it returns, no transaction is under way that could still be committed.
void close_for_changes(const std::filesystem::path& database);
void open_for_changes(const std::filesystem::path& database);
bool is_closed_for_changes(const std::filesystem::path& database);

}  // namespace gatehouse::sql
