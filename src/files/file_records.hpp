// SPDX-License-Identifier: Apache-2.0
// The records of the local file store as SQL: what the tables are and every statement on them.
//
// Each function runs inside the caller's transaction, on the caller's (pool) thread.
#pragma once

#include "files/file_store.hpp"
#include "sql/database.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files::records {

std::span<const sql::Migration> migrations();

struct Record {
    File file;
    std::string content;  // the name of its content (ContentDirectory)
};
// Nothing for what is in the trash, and for what is derived from it.
std::optional<Record> find(sql::Connection& connection, const std::string& id);

// Whether a record of that file, in the trash or not, names this content.
bool names_content(sql::Connection& connection, const std::string& id, const std::string& content);

// Whether there is such a file, of whatever kind, in the trash or not.
bool knows(sql::Connection& connection, const std::string& id);
// All files, of whatever kind, in the trash or not, in the order of their ids, behind the id `after` (empty at first).
std::vector<Record> page(sql::Connection& connection, const std::string& after, std::size_t limit);

// False, and nothing changes, when the id is taken or the source of a derived file is gone.
bool insert(sql::Connection& connection, const Record& record, const std::optional<events::Event>& announce);

std::vector<File> list(sql::Connection& connection, const ListQuery& query);
std::vector<File> derived(sql::Connection& connection, const std::vector<std::string>& source_ids);

Usage usage(sql::Connection& connection, const std::string& owner);

// Removes the file, in the trash or not, and all that was derived from it; their content is named by the garbage from
// now on.
bool remove(sql::Connection& connection, const std::string& id, const events::Event& announce);

// The trash; FileStore says what each of these does.
bool trash(sql::Connection& connection, const std::string& id, const Trashed& how, const events::Event& announce);
std::optional<File> find_trashed(sql::Connection& connection, const std::string& id);
bool restore(sql::Connection& connection, const std::string& id, const events::Event& announce);
std::vector<File> find_expired_trash(sql::Connection& connection, TimePoint now, std::size_t limit);

// Removes those; the number of them.
std::size_t empty_trash(sql::Connection& connection, TimePoint now, std::size_t limit);

bool end_links(sql::Connection& connection, const std::string& id);

bool set_state(sql::Connection& connection, const std::string& id, State state, const std::string& reason,
               const std::optional<events::Event>& announce);
void set_progress(sql::Connection& connection, const std::string& id, int percent);

std::vector<events::Event> read_outbox(sql::Connection& connection, std::size_t limit);
void clear_outbox(sql::Connection& connection, const std::vector<std::string>& event_ids);

// Content that no record names any more and that is still to be removed.
std::vector<std::string> read_garbage(sql::Connection& connection, std::size_t limit);
void clear_garbage(sql::Connection& connection, const std::vector<std::string>& names);

}  // namespace gatehouse::files::records
