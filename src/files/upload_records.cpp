// SPDX-License-Identifier: Apache-2.0
#include "files/upload_records.hpp"

#include "base/text.hpp"
#include "files/content_directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace gatehouse::files::upload_records {

namespace {

constexpr std::string_view columns = "id, owner, name, metadata, length, \"offset\", created_at, expires_at, content, "
                                     "hash, epoch, partial, parts";

sql::Value to_value(const std::optional<std::uint64_t>& length)
{
    if (!length)
        return std::monostate{};
    return static_cast<std::int64_t>(*length);
}

std::string join_parts(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, " ")); }

struct Claims {
    std::size_t uploads = 0;
    std::uint64_t bytes = 0;
};

Claims find_claims(sql::Connection& connection, const std::string& owner)
{
    auto sums = connection
                    .query("SELECT COUNT(*), "
                           "COALESCE(SUM(CASE WHEN parts <> '' THEN 0 ELSE COALESCE(length, \"offset\") END), 0) "
                           "FROM uploads WHERE owner = ?",
                           {owner})
                    .front();
    return {static_cast<std::size_t>(sums.integer(0)), static_cast<std::uint64_t>(sums.integer(1))};
}

bool are_taken(sql::Connection& connection, const Upload& upload)
{
    for (const auto& row :
         connection.query("SELECT parts FROM uploads WHERE owner = ? AND parts <> ''", {upload.owner})) {
        std::vector<std::string> taken = split_words(row.text(0));
        if (std::ranges::find_first_of(upload.parts, taken) != upload.parts.end())
            return true;
    }
    return false;
}

Record to_record(const sql::Row& row)
{
    Record record;
    Upload& upload = record.upload;
    upload.id = row.text(0);
    upload.owner = row.text(1);
    upload.name = row.text(2);
    upload.metadata = row.text(3);
    if (auto length = row.find_integer(4))
        upload.length = static_cast<std::uint64_t>(*length);
    upload.offset = static_cast<std::uint64_t>(row.integer(5));
    upload.created_at = from_unix_ms(row.integer(6));
    upload.expires_at = from_unix_ms(row.integer(7));
    record.content = row.text(8);
    record.hash = row.blob(9);
    record.epoch = row.integer(10);
    upload.partial = row.integer(11) != 0;
    upload.parts = split_words(row.text(12));
    return record;
}

std::vector<std::string> to_names(const std::vector<sql::Row>& rows)
{
    std::vector<std::string> names;
    names.reserve(rows.size());
    for (const auto& row : rows)
        names.push_back(row.text(0));
    return names;
}

}  // namespace

std::vector<std::string_view> schema()
{
    return {"CREATE TABLE uploads ("
            "id TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, metadata TEXT NOT NULL, "
            "length INTEGER, \"offset\" INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, "
            "content TEXT NOT NULL, hash BLOB NOT NULL, epoch INTEGER NOT NULL) WITHOUT ROWID",
            "CREATE INDEX uploads_by_owner ON uploads (owner)",
            "CREATE INDEX uploads_by_expiry ON uploads (expires_at)"};
}

std::vector<std::string_view> joining_schema()
{
    return {"ALTER TABLE uploads ADD COLUMN partial INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE uploads ADD COLUMN parts TEXT NOT NULL DEFAULT ''"};  // ids, with spaces between them
}

UploadStore::Creation insert(sql::Connection& connection, const Record& record, const UploadBounds& bounds)
{
    using Creation = UploadStore::Creation;
    static const std::string statement =
        fmt::format("INSERT INTO uploads ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", columns);
    const Upload& upload = record.upload;
    if (find(connection, upload.id))
        return Creation::exists;
    Claims claims = find_claims(connection, upload.owner);
    if (claims.uploads >= bounds.uploads_max)
        return Creation::too_many;
    if (!claim_fits(upload, claims.bytes, bounds))
        return Creation::too_much;
    if (!upload.parts.empty() && are_taken(connection, upload))
        return Creation::parts_taken;
    connection.execute(statement, {upload.id, upload.owner, upload.name, upload.metadata, to_value(upload.length),
                                   static_cast<std::int64_t>(upload.offset), to_unix_ms(upload.created_at),
                                   to_unix_ms(upload.expires_at), record.content, sql::Blob{record.hash}, record.epoch,
                                   std::int64_t{upload.partial ? 1 : 0}, join_parts(upload.parts)});
    return Creation::created;
}

std::uint64_t claimed(sql::Connection& connection, const std::string& owner)
{
    return find_claims(connection, owner).bytes;
}

std::optional<Record> find(sql::Connection& connection, const std::string& id)
{
    static const std::string statement = fmt::format("SELECT {} FROM uploads WHERE id = ?", columns);
    auto rows = connection.query(statement, {id});
    if (rows.empty())
        return std::nullopt;
    return to_record(rows.front());
}

std::optional<Record> take(sql::Connection& connection, const std::string& id, TimePoint expires_at)
{
    connection.execute("UPDATE uploads SET epoch = epoch + 1, expires_at = ? WHERE id = ?",
                       {to_unix_ms(expires_at), id});
    return find(connection, id);
}

bool update(sql::Connection& connection, const Record& record)
{
    const Upload& upload = record.upload;
    return connection.execute("UPDATE uploads SET length = ?, \"offset\" = ?, expires_at = ?, hash = ? "
                              "WHERE id = ? AND epoch = ?",
                              {to_value(upload.length), static_cast<std::int64_t>(upload.offset),
                               to_unix_ms(upload.expires_at), sql::Blob{record.hash}, upload.id, record.epoch}) == 1;
}

bool end(sql::Connection& connection, const Record& record)
{
    return connection.execute("DELETE FROM uploads WHERE id = ? AND epoch = ?", {record.upload.id, record.epoch}) == 1;
}

std::optional<std::string> remove(sql::Connection& connection, const std::string& id)
{
    auto record = find(connection, id);
    if (!record)
        return std::nullopt;
    connection.execute("DELETE FROM uploads WHERE id = ?", {id});
    return std::move(record->content);
}

std::vector<std::string> contents(sql::Connection& connection)
{
    return to_names(connection.query("SELECT content FROM uploads"));
}

std::vector<std::string> find_expired(sql::Connection& connection, TimePoint now, std::size_t limit)
{
    return to_names(connection.query("SELECT content FROM uploads WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
                                     {to_unix_ms(now), static_cast<std::int64_t>(limit)}));
}

std::vector<std::string> remove_expired(sql::Connection& connection, TimePoint now, std::size_t limit)
{
    auto names = find_expired(connection, now, limit);
    for (const auto& name : names)
        connection.execute("DELETE FROM uploads WHERE id = ?", {ContentDirectory::find_id(name).value()});
    return names;
}

}  // namespace gatehouse::files::upload_records
