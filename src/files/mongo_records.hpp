// SPDX-License-Identifier: Apache-2.0
// The records of files as documents of fs.files, in the layout of GridFS:
//
//   _id        the content's id (mongo_content.hpp)
//   length, chunkSize, uploadDate, filename
//   metadata   {id, owner, type, sha256, state, reason, progress, derived_from, processor, outbox, outbox_at,
//              changed_at, links}
//
// A file is visible when its document is there; the unique index of metadata.id makes one of several writers win.
// A removed file loses what it is found by and becomes an empty one without a name:
//
//   metadata   {id: "removed:…", removed_id: <file id>, removed_owner, removed_from, purge_at, …}
//
// until its chunks are purged. One in the trash keeps length, name and the rest; it has not purge_at, but
//
//   metadata   {id: "trash:<file id>", removed_id, removed_owner, removed_from, trashed_at, trash_until, trashed_by, …}
//
// What was derived from it stays as it is and is not visible, for its source is not. A tombstone has the same form and
// takes the place of a document whose writer went away. All calls block and throw Unavailable. Any thread.
#pragma once

#include "files/file_store.hpp"
#include "files/mongo_content.hpp"
#include "files/mongo_driver.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::files::mongo {

class Outbox;

inline constexpr const char* files_collection = "fs.files";

std::vector<Database::Index> file_indexes();

struct Record {
    File file;
    ObjectId content;
    std::int64_t chunk_size = 0;
};

std::optional<Record> find_record(Database& database, const std::string& id);

// Nothing for what is derived from something that is not there, or in the trash.
std::optional<Record> find_visible(Database& database, const std::string& id);

// The file whose content this is, or nothing when it is not visible (never was, or not any more).
std::optional<Record> find_record(Database& database, const ObjectId& content);

// Those of the files with these ids that are there, in the trash or not, in no order.
std::vector<Record> find_records(Database& database, const std::vector<std::string>& ids);
// All files, of whatever kind, in the order of their ids, behind the id `after` (empty at first).
std::vector<Record> page(Database& database, const std::string& after, std::size_t limit);
// The same of those in the trash, which are not among the others.
std::vector<Record> page_of_trash(Database& database, const std::string& after, std::size_t limit);
// Everything that the record says but size and content, and whether it is in the trash; false when there is no such
// file.
bool replace_record(Database& database, const File& file);

// False when the id, or the content's place, is taken.
bool insert_record(Database& database, const Outbox& outbox, const Record& record,
                   const std::optional<events::Event>& announce);

std::vector<File> list(Database& database, const ListQuery& query);
std::vector<File> derived(Database& database, const std::vector<std::string>& source_ids);

Usage usage(Database& database, const std::string& owner);

// Makes the file invisible, its content to be purged after `purge_at`. False when it is unknown. With `file`, what it
// was, those who follow the changes of files are told.
bool mark_removed(Database& database, const Outbox& outbox, const std::string& id, TimePoint purge_at,
                  const std::optional<events::Event>& announce, const File* file = nullptr);

// The trash; FileStore says what each of these does. False when the file is not where it should be.
bool mark_trashed(Database& database, const Outbox& outbox, const File& file, const Trashed& how,
                  const events::Event& announce);
std::optional<Record> find_trashed(Database& database, const std::string& id);
bool mark_restored(Database& database, const Outbox& outbox, const File& file, const events::Event& announce);
bool mark_trash_removed(Database& database, const Outbox& outbox, const File& file, TimePoint purge_at,
                        const events::Event& announce);
std::vector<File> find_expired_trash(Database& database, TimePoint now);  // a few hundred of them

bool end_links(Database& database, const std::string& id);

// As mark_removed() for what was derived from these, at any depth.
void mark_derived_removed(Database& database, const Outbox& outbox, std::vector<std::string> source_ids,
                          TimePoint purge_at);

// Takes the place of content whose writer went away, so that its commit fails. False when the place is taken.
bool insert_tombstone(Database& database, const ObjectId& content, TimePoint purge_at);

bool set_state(Database& database, const Outbox& outbox, const std::string& id, State state, const std::string& reason,
               const std::optional<events::Event>& announce);
void set_progress(Database& database, const std::string& id, int percent);

}  // namespace gatehouse::files::mongo
