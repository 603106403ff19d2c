// SPDX-License-Identifier: Apache-2.0
#include "files/file_records.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "files/announcement.hpp"
#include "files/upload_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace gatehouse::files::records {

namespace {

constexpr std::string_view columns = "id, owner, name, type, size, sha256, created_at, state, reason, progress, "
                                     "derived_from, processor, content, links";
// What the table `trash` has besides.
constexpr std::string_view trash_columns = "removed_at, removed_until, removed_by";

State parse_state(std::string_view text)
{
    auto state = find_state(text);
    if (!state)
        throw std::runtime_error(fmt::format("files.db: unknown state \"{}\"", text));
    return *state;
}

Record to_record(const sql::Row& row)
{
    Record record;
    File& file = record.file;
    file.id = row.text(0);
    file.owner = row.text(1);
    file.name = row.text(2);
    file.type = row.text(3);
    file.size = static_cast<std::uint64_t>(row.integer(4));
    file.sha256 = row.text(5);
    file.created_at = from_unix_ms(row.integer(6));
    file.state = parse_state(row.text(7));
    file.reason = row.text(8);
    file.progress = static_cast<int>(row.integer(9));
    file.derived_from = row.text(10);
    file.processor = row.text(11);
    record.content = row.text(12);
    file.link_generation = row.integer(13);
    return record;
}

Trashed to_trashed(const sql::Row& row)
{
    return {from_unix_ms(row.integer(14)), from_unix_ms(row.integer(15)), row.text(16)};
}

File to_trashed_file(const sql::Row& row)
{
    File file = to_record(row).file;
    file.trashed = to_trashed(row);
    return file;
}

std::vector<File> to_trashed_files(const std::vector<sql::Row>& rows)
{
    std::vector<File> files;
    files.reserve(rows.size());
    for (const auto& row : rows)
        files.push_back(to_trashed_file(row));
    return files;
}

std::vector<File> to_files(const std::vector<sql::Row>& rows)
{
    std::vector<File> files;
    files.reserve(rows.size());
    for (const auto& row : rows)
        files.push_back(to_record(row).file);
    return files;
}

// Many values in one parameter, so that the statement is the same for any number of them.
std::string to_json_array(const std::vector<std::string>& values)
{
    return json::serialize(json::value(json::array(values.begin(), values.end())));
}

bool exists(sql::Connection& connection, const std::string& id)
{
    return !connection.query("SELECT 1 FROM files WHERE id = ?", {id}).empty();
}

bool is_trashed(sql::Connection& connection, const std::string& id)
{
    return !connection.query("SELECT 1 FROM trash WHERE id = ?", {id}).empty();
}

std::vector<File> list_trash(sql::Connection& connection, const ListQuery& query, const std::string& before,
                             std::int64_t limit)
{
    static const std::string of_owner = fmt::format(
        "SELECT {}, {} FROM trash WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?", columns, trash_columns);
    static const std::string of_everybody =
        fmt::format("SELECT {}, {} FROM trash WHERE id < ? ORDER BY id DESC LIMIT ?", columns, trash_columns);
    if (query.owner.empty())
        return to_trashed_files(connection.query(of_everybody, {before, limit}));
    return to_trashed_files(connection.query(of_owner, {query.owner, before, limit}));
}

// An event that waits already (a repeated job has the same event id) is not announced twice.
void announce_event(sql::Connection& connection, const events::Event& event)
{
    connection.execute("INSERT INTO outbox (event_id, body) VALUES (?, ?) ON CONFLICT (event_id) DO NOTHING",
                       {event.id, events::to_json(event)});
}

int progress_of(State state) { return state == State::processed ? 100 : 0; }

constexpr std::string_view create_files =
    "CREATE TABLE files ("
    "id TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, "
    "size INTEGER NOT NULL, sha256 TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL, "
    "reason TEXT NOT NULL, progress INTEGER NOT NULL, derived_from TEXT NOT NULL, processor TEXT NOT NULL, "
    "content TEXT NOT NULL) WITHOUT ROWID";

constexpr std::string_view create_outbox =
    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)";

constexpr std::string_view create_trash =
    "CREATE TABLE trash ("
    "id TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, "
    "size INTEGER NOT NULL, sha256 TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL, "
    "reason TEXT NOT NULL, progress INTEGER NOT NULL, derived_from TEXT NOT NULL, processor TEXT NOT NULL, "
    "content TEXT NOT NULL, links INTEGER NOT NULL, removed_at INTEGER NOT NULL, "
    "removed_until INTEGER NOT NULL, removed_by TEXT NOT NULL) WITHOUT ROWID";

}  // namespace

std::span<const sql::Migration> migrations()
{
    static const std::array<sql::Migration, 5> steps{{
        {1,
         "files, outbox and garbage",
         {create_files,
          // Uploads have an empty derived_from: the first index lists one owner's, the second everybody's, and it finds
          // what was derived from a file.
          "CREATE INDEX files_by_owner ON files (owner, derived_from, id)",
          "CREATE INDEX files_by_source ON files (derived_from, id)", create_outbox,
          "CREATE TABLE garbage (content TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID"}},
        {2, "uploads", upload_records::schema()},
        // Holds all that usage() reads.
        {3, "usage", {"CREATE INDEX files_by_size ON files (owner, derived_from, size)"}},
        // A table of its own, so that nothing that looks for files finds what is in the trash. What was derived from
        // an upload stays in `files`; find() sees that its source is not there.
        {4,
         "trash",
         {"ALTER TABLE files ADD COLUMN links INTEGER NOT NULL DEFAULT 0", create_trash,
          "CREATE INDEX trash_by_owner ON trash (owner, id, size)",
          "CREATE INDEX trash_by_end ON trash (removed_until)"}},
        {5, "joined uploads", upload_records::joining_schema()},
    }};
    return steps;
}

std::optional<Record> find(sql::Connection& connection, const std::string& id)
{
    // What is derived from something in the trash is not there.
    static const std::string statement =
        fmt::format("SELECT {} FROM files f WHERE id = ? AND "
                    "(derived_from = '' OR EXISTS (SELECT 1 FROM files s WHERE s.id = f.derived_from))",
                    columns);
    auto rows = connection.query(statement, {id});
    if (rows.empty())
        return std::nullopt;
    return to_record(rows.front());
}

bool names_content(sql::Connection& connection, const std::string& id, const std::string& content)
{
    return !connection
                .query("SELECT 1 FROM files WHERE id = ? AND content = ? "
                       "UNION ALL SELECT 1 FROM trash WHERE id = ? AND content = ?",
                       {id, content, id, content})
                .empty();
}

bool knows(sql::Connection& connection, const std::string& id)
{
    return exists(connection, id) || is_trashed(connection, id);
}

std::vector<Record> page(sql::Connection& connection, const std::string& after, std::size_t limit)
{
    // Each part has no more than it may contribute: the index of ids ends it.
    static const std::string statement =
        fmt::format("SELECT * FROM (SELECT {0}, 0, 0, NULL AS removed_by FROM files WHERE id > ? ORDER BY id LIMIT ?) "
                    "UNION ALL SELECT * FROM (SELECT {0}, {1} FROM trash WHERE id > ? ORDER BY id LIMIT ?) "
                    "ORDER BY id LIMIT ?",
                    columns, trash_columns);
    auto count = static_cast<std::int64_t>(limit);
    std::vector<Record> found;
    for (const auto& row : connection.query(statement, {after, count, after, count, count})) {
        found.push_back(to_record(row));
        if (!row.is_null(16))
            found.back().file.trashed = to_trashed(row);
    }
    return found;
}

bool insert(sql::Connection& connection, const Record& record, const std::optional<events::Event>& announce)
{
    static const std::string statement =
        fmt::format("INSERT INTO files ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", columns);
    const File& file = record.file;
    if (exists(connection, file.id) || is_trashed(connection, file.id))
        return false;
    if (!file.derived_from.empty() && !exists(connection, file.derived_from))
        return false;
    connection.execute(statement, {file.id, file.owner, file.name, file.type, static_cast<std::int64_t>(file.size),
                                   file.sha256, to_unix_ms(file.created_at), std::string(to_string(file.state)),
                                   file.reason, std::int64_t{file.progress}, file.derived_from, file.processor,
                                   record.content, file.link_generation});
    if (announce)
        announce_event(connection, *announce);
    return true;
}

std::vector<File> list(sql::Connection& connection, const ListQuery& query)
{
    static const std::string of_owner = fmt::format(
        "SELECT {} FROM files WHERE owner = ? AND derived_from = '' AND id < ? ORDER BY id DESC LIMIT ?", columns);
    static const std::string of_everybody =
        fmt::format("SELECT {} FROM files WHERE derived_from = '' AND id < ? ORDER BY id DESC LIMIT ?", columns);
    auto limit = static_cast<std::int64_t>(std::min<std::size_t>(query.limit, 200));
    std::string before = query.after.empty() ? "g" : query.after;  // above every hexadecimal digit
    if (query.trashed)
        return list_trash(connection, query, before, limit);
    if (query.owner.empty())
        return to_files(connection.query(of_everybody, {before, limit}));
    return to_files(connection.query(of_owner, {query.owner, before, limit}));
}

std::vector<File> derived(sql::Connection& connection, const std::vector<std::string>& source_ids)
{
    static const std::string statement = fmt::format(
        "SELECT {} FROM files WHERE derived_from IN (SELECT value FROM json_each(?)) AND derived_from <> '' "
        "ORDER BY derived_from, processor, id",
        columns);
    if (source_ids.empty())
        return {};
    return to_files(connection.query(statement, {to_json_array(source_ids)}));
}

Usage usage(sql::Connection& connection, const std::string& owner)
{
    auto files =
        connection
            .query("SELECT COALESCE(SUM(size), 0), COUNT(*) FROM files WHERE owner = ? AND derived_from = ''", {owner})
            .front();
    auto trash = connection.query("SELECT COALESCE(SUM(size), 0) FROM trash WHERE owner = ?", {owner}).front();
    Usage usage;
    usage.trash_bytes = static_cast<std::uint64_t>(trash.integer(0));
    usage.bytes = static_cast<std::uint64_t>(files.integer(0)) + usage.trash_bytes;
    usage.files = static_cast<std::uint64_t>(files.integer(1));
    return usage;
}

bool remove(sql::Connection& connection, const std::string& id, const events::Event& announce)
{
    if (!exists(connection, id) && !is_trashed(connection, id))
        return false;
    // The file, what was derived from it, and what was derived from that.
    constexpr std::string_view gone = "WITH RECURSIVE gone (id) AS (SELECT ? UNION "
                                      "SELECT f.id FROM files f JOIN gone g ON f.derived_from = g.id) ";
    static const std::string name_garbage = fmt::format(
        "{}INSERT INTO garbage (content) SELECT content FROM files WHERE id IN (SELECT id FROM gone)", gone);
    static const std::string remove_records =
        fmt::format("{}DELETE FROM files WHERE id IN (SELECT id FROM gone)", gone);
    connection.execute(name_garbage, {id});
    connection.execute(remove_records, {id});
    connection.execute("INSERT INTO garbage (content) SELECT content FROM trash WHERE id = ?", {id});
    connection.execute("DELETE FROM trash WHERE id = ?", {id});
    announce_event(connection, announce);
    return true;
}

bool trash(sql::Connection& connection, const std::string& id, const Trashed& how, const events::Event& announce)
{
    static const std::string move =
        fmt::format("INSERT INTO trash ({}, {}) SELECT {}, ?, ?, ? FROM files WHERE id = ? AND derived_from = ''",
                    columns, trash_columns, columns);
    if (connection.execute(move, {to_unix_ms(how.at), to_unix_ms(how.until), how.by, id}) == 0)
        return false;
    connection.execute("UPDATE trash SET links = links + 1 WHERE id = ?", {id});
    connection.execute("DELETE FROM files WHERE id = ?", {id});
    announce_event(connection, announce);
    return true;
}

std::optional<File> find_trashed(sql::Connection& connection, const std::string& id)
{
    static const std::string statement = fmt::format("SELECT {}, {} FROM trash WHERE id = ?", columns, trash_columns);
    auto rows = connection.query(statement, {id});
    if (rows.empty())
        return std::nullopt;
    return to_trashed_file(rows.front());
}

bool restore(sql::Connection& connection, const std::string& id, const events::Event& announce)
{
    static const std::string move =
        fmt::format("INSERT INTO files ({}) SELECT {} FROM trash WHERE id = ?", columns, columns);
    if (connection.execute(move, {id}) == 0)
        return false;
    connection.execute("DELETE FROM trash WHERE id = ?", {id});
    connection.execute("UPDATE files SET state = 'stored', progress = 0 WHERE id = ? AND state = 'processing'", {id});
    announce_event(connection, announce);
    return true;
}

std::vector<File> find_expired_trash(sql::Connection& connection, TimePoint now, std::size_t limit)
{
    static const std::string statement = fmt::format(
        "SELECT {}, {} FROM trash WHERE removed_until <= ? ORDER BY removed_until LIMIT ?", columns, trash_columns);
    return to_trashed_files(connection.query(statement, {to_unix_ms(now), static_cast<std::int64_t>(limit)}));
}

std::size_t empty_trash(sql::Connection& connection, TimePoint now, std::size_t limit)
{
    auto expired = find_expired_trash(connection, now, limit);
    for (const File& file : expired)
        remove(connection, file.id, make_emptied_announcement(file, now));
    return expired.size();
}

bool end_links(sql::Connection& connection, const std::string& id)
{
    return connection.execute("UPDATE files SET links = links + 1 WHERE id = ?", {id}) == 1;
}

bool set_state(sql::Connection& connection, const std::string& id, State state, const std::string& reason,
               const std::optional<events::Event>& announce)
{
    auto changed = connection.execute("UPDATE files SET state = ?, reason = ?, progress = ? WHERE id = ?",
                                      {std::string(to_string(state)), reason, std::int64_t{progress_of(state)}, id});
    if (changed == 0)
        return false;
    if (announce)
        announce_event(connection, *announce);
    return true;
}

void set_progress(sql::Connection& connection, const std::string& id, int percent)
{
    connection.execute("UPDATE files SET progress = ? WHERE id = ? AND state = 'processing'",
                       {std::int64_t{std::clamp(percent, 0, 100)}, id});
}

std::vector<events::Event> read_outbox(sql::Connection& connection, std::size_t limit)
{
    auto rows =
        connection.query("SELECT seq, body FROM outbox ORDER BY seq LIMIT ?", {static_cast<std::int64_t>(limit)});
    std::vector<events::Event> waiting;
    waiting.reserve(rows.size());
    for (const auto& row : rows) {
        auto event = events::parse_event(row.text(1));
        if (!event)
            throw std::runtime_error(fmt::format("files.db: outbox entry {}: {}", row.integer(0), event.error()));
        waiting.push_back(std::move(*event));
    }
    return waiting;
}

void clear_outbox(sql::Connection& connection, const std::vector<std::string>& event_ids)
{
    connection.execute("DELETE FROM outbox WHERE event_id IN (SELECT value FROM json_each(?))",
                       {to_json_array(event_ids)});
}

std::vector<std::string> read_garbage(sql::Connection& connection, std::size_t limit)
{
    std::vector<std::string> names;
    for (const auto& row : connection.query("SELECT content FROM garbage LIMIT ?", {static_cast<std::int64_t>(limit)}))
        names.push_back(row.text(0));
    return names;
}

void clear_garbage(sql::Connection& connection, const std::vector<std::string>& names)
{
    connection.execute("DELETE FROM garbage WHERE content IN (SELECT value FROM json_each(?))", {to_json_array(names)});
}

}  // namespace gatehouse::files::records
