// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_upload_log.hpp"

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "files/mongo_records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace gatehouse::files::mongo {

namespace {

constexpr const char* uploads_collection = "fs.uploads";
constexpr const char* log_collection = "fs.upload_log";
constexpr std::int64_t batch_max = 1000;
constexpr int attempts_max = 10;
constexpr std::int64_t prune_every = 500;
constexpr std::int64_t entries_kept = 1000;
constexpr std::chrono::seconds certain_for{2};    // nobody makes so many entries meanwhile
constexpr std::chrono::hours tombstone_life{24};  // as the sweeper's

Document by_id(std::string_view id)
{
    Document filter;
    filter.add("_id", id);
    return filter;
}

std::string entry_id(const UploadEntry& entry) { return fmt::format("{}:{}", entry.upload, entry.seq); }

Document comparison(const char* op, std::int64_t value)
{
    Document document;
    document.add(op, value);
    return document;
}

Document to_document(const UploadEntry& entry, const std::string& nonce)
{
    Document document;
    document.add("_id", entry_id(entry)).add("upload", entry.upload).add("seq", entry.seq).add("nonce", nonce);
    if (entry.length)
        document.add("length", static_cast<std::int64_t>(*entry.length));
    document.add("offset", static_cast<std::int64_t>(entry.offset))
        .add("chunks", static_cast<std::int64_t>(entry.chunks))
        .add_binary("tail", entry.tail)
        .add_binary("hash", entry.hash)
        .add("holder", entry.holder)
        .add("until", entry.until)
        .add("unclean", entry.unclean)
        .add("removed", entry.removed);
    return document;
}

UploadEntry to_entry(const Document& document, const std::string& upload)
{
    auto count = [&](const char* path) {
        auto number = document.find_integer(path);
        if (!number || *number < 0)
            throw Unavailable(fmt::format("MongoDB: the log of upload {} makes no sense", upload));
        return *number;
    };
    UploadEntry entry;
    entry.upload = upload;
    entry.seq = count("seq");
    if (document.has("length"))
        entry.length = static_cast<std::uint64_t>(count("length"));
    entry.offset = static_cast<std::uint64_t>(count("offset"));
    entry.chunks = static_cast<std::uint32_t>(count("chunks"));
    entry.tail = document.find_binary("tail").value_or("");
    entry.hash = document.find_binary("hash").value_or("");
    entry.holder = document.find_text("holder").value_or("");
    entry.until = document.find_time("until").value_or(TimePoint{});
    entry.unclean = document.find_flag("unclean");
    entry.removed = document.find_flag("removed");
    return entry;
}

std::optional<UploadDocument> to_upload(const Document& document)
{
    auto id = document.find_text("_id");
    auto content = document.find_object_id("content");
    if (!id || !content)
        return std::nullopt;
    UploadDocument found;
    found.content = *content;
    Upload& upload = found.upload;
    upload.id = *id;
    upload.owner = document.find_text("owner").value_or("");
    upload.name = document.find_text("name").value_or("");
    upload.metadata = document.find_text("metadata").value_or("");
    if (auto length = document.find_integer("length"))
        upload.length = static_cast<std::uint64_t>(*length);
    upload.created_at = document.find_time("created_at").value_or(TimePoint{});
    upload.expires_at = document.find_time("expires_at").value_or(TimePoint{});
    upload.partial = document.find_flag("partial");
    upload.parts = split_words(document.find_text("parts").value_or(""));
    return found;
}

Database::Index make_index(std::initializer_list<std::pair<const char*, int>> keys)
{
    Database::Index index;
    for (const auto& [key, direction] : keys)
        index.keys.add(key, direction);
    return index;
}

Document change(const char* op, const Document& members)
{
    Document document;
    document.add(op, members);
    return document;
}

// Those of `filter` whose `member` is not after `time`, oldest first; at most batch_max.
std::vector<UploadDocument> find_until(Database& database, Document filter, const char* member, TimePoint time)
{
    Document at_most;
    at_most.add("$lte", time);
    filter.add(member, at_most);
    Document sort;
    sort.add(member, 1);
    Document options;
    options.add("sort", sort).add("limit", batch_max);
    std::vector<UploadDocument> found;
    database.find(uploads_collection, filter, options, [&](const Document& document) {
        if (auto upload = to_upload(document))
            found.push_back(std::move(*upload));
        return true;
    });
    return found;
}

}  // namespace

void UploadLog::create_indexes()
{
    std::vector<Database::Index> uploads;
    uploads.push_back(make_index({{"owner", 1}, {"open", 1}}));
    uploads.push_back(make_index({{"open", 1}, {"expires_at", 1}}));
    uploads.push_back(make_index({{"ended_at", 1}}));
    database_.create_indexes(uploads_collection, uploads);
    std::vector<Database::Index> entries;
    entries.push_back(make_index({{"upload", 1}, {"seq", -1}}));
    database_.create_indexes(log_collection, entries);
}

// Those of one owner's unfinished uploads, in one question.
struct UploadLog::Claims {
    std::size_t uploads = 0;
    std::uint64_t bytes = 0;
    bool parts_taken = false;
};

UploadLog::Claims UploadLog::find_claims(const std::string& owner, const std::vector<std::string>& parts)
{
    Document filter;
    filter.add("owner", owner).add("open", true);
    Document projection;
    projection.add("length", 1).add("claim", 1).add("parts", 1);
    Document options;
    options.add("projection", projection);
    Claims claims;
    database_.find(uploads_collection, filter, options, [&](const Document& document) {
        ++claims.uploads;
        std::vector<std::string> taken = split_words(document.find_text("parts").value_or(""));
        if (!taken.empty()) {
            bool overlap = std::ranges::find_first_of(parts, taken) != parts.end();
            claims.parts_taken = claims.parts_taken || overlap;
            return true;
        }
        auto told = document.find_integer("length").value_or(0);
        auto later = document.find_integer("claim").value_or(0);
        claims.bytes += static_cast<std::uint64_t>(std::max(told, later));
        return true;
    });
    return claims;
}

std::uint64_t UploadLog::claimed(const std::string& owner) { return find_claims(owner, {}).bytes; }

UploadStore::Creation UploadLog::create(const UploadDocument& made, const UploadBounds& bounds)
{
    using Creation = UploadStore::Creation;
    const Upload& upload = made.upload;
    // An id that follows from its parts may be there.
    if (!upload.parts.empty() && database_.find_one(uploads_collection, by_id(upload.id)))
        return Creation::exists;
    Claims claims = find_claims(upload.owner, upload.parts);
    if (claims.uploads >= bounds.uploads_max)
        return Creation::too_many;
    if (!claim_fits(upload, claims.bytes, bounds))
        return Creation::too_much;
    if (claims.parts_taken)
        return Creation::parts_taken;
    Document document;
    document.add("_id", upload.id)
        .add("owner", upload.owner)
        .add("name", upload.name)
        .add("metadata", upload.metadata)
        .add("content", made.content);
    if (upload.length)
        document.add("length", static_cast<std::int64_t>(*upload.length));
    if (upload.partial)
        document.add("partial", true);
    if (!upload.parts.empty())
        document.add("parts", fmt::format("{}", fmt::join(upload.parts, " ")));
    document.add("created_at", upload.created_at).add("expires_at", upload.expires_at).add("open", true);
    // False: the driver has repeated an insert that had happened, or another process made the same joined upload.
    bool inserted = database_.insert(uploads_collection, document);
    return inserted || upload.parts.empty() ? Creation::created : Creation::exists;
}

std::optional<UploadDocument> UploadLog::find_open(const std::string& id)
{
    auto document = database_.find_one(uploads_collection, by_id(id));
    if (!document || !document->find_flag("open"))
        return std::nullopt;
    return to_upload(*document);
}

UploadEntry UploadLog::last_entry(const UploadDocument& document)
{
    const std::string& id = document.upload.id;
    Document filter;
    filter.add("upload", id);
    Document sort;
    sort.add("seq", -1);
    Document options;
    options.add("sort", sort);
    auto last = database_.find_one(log_collection, filter, options);
    if (last)
        return to_entry(*last, id);
    UploadEntry before;
    before.upload = id;
    before.length = document.upload.length;
    return before;
}

bool UploadLog::append(const UploadEntry& before, UploadEntry& entry, std::chrono::steady_clock::time_point known_at)
{
    entry.seq = before.seq + 1;
    std::string nonce = to_hex(random_bytes(8));
    if (!database_.insert(log_collection, to_document(entry, nonce))) {
        // The driver may have repeated an insert that had happened.
        auto there = database_.find_one(log_collection, by_id(entry_id(entry)));
        if (!there || there->find_text("nonce") != nonce)
            return false;
    }
    // So slowly that the entry in this place might have been removed again, it may be one that counts no more.
    if (std::chrono::steady_clock::now() - known_at >= certain_for) {
        UploadDocument document;
        document.upload.id = entry.upload;
        if (last_entry(document).seq != entry.seq)
            return false;
    }
    if (!before.tail.empty()) {
        Document tail;
        tail.add("tail", 1);
        database_.update_one(log_collection, by_id(entry_id(before)), change("$unset", tail));
    }
    if (entry.seq % prune_every == 0) {
        Document old;
        old.add("upload", entry.upload).add("seq", comparison("$lt", entry.seq - entries_kept));
        database_.remove_many(log_collection, old);
    }
    return true;
}

void UploadLog::extend(const UploadEntry& entry, TimePoint until)
{
    Document set;
    set.add("until", until);
    database_.update_one(log_collection, by_id(entry_id(entry)), change("$set", set));
}

void UploadLog::release(const UploadEntry& entry)
{
    Document set;
    set.add("holder", "").add("unclean", entry.unclean);
    database_.update_one(log_collection, by_id(entry_id(entry)), change("$set", set));
}

void UploadLog::set_expiry(const std::string& id, TimePoint expires_at, std::uint64_t claim)
{
    Document set;
    set.add("expires_at", expires_at).add("claim", static_cast<std::int64_t>(claim));
    database_.update_one(uploads_collection, by_id(id), change("$set", set));
}

void UploadLog::end(const std::string& id)
{
    Document set;
    set.add("ended_at", Clock().now());
    Document unset;
    unset.add("open", 1);
    Document both;
    both.add("$set", set).add("$unset", unset);
    database_.update_one(uploads_collection, by_id(id), both);
}

// What may be repeated after a crash: the tombstone in the place of the file's document comes first, so that nobody
// finishes the upload any more.
bool UploadLog::remove(const std::string& id)
{
    auto document = find_open(id);
    if (!document)
        return false;
    if (!insert_tombstone(database_, document->content, Clock().now() + tombstone_life)) {
        Document filter;
        filter.add("_id", document->content);
        auto there = database_.find_one(files_collection, filter);
        if (!there || !there->has("metadata.purge_at") || there->has("metadata.removed_id")) {
            end(id);  // it is a file, or was one
            return false;
        }
    }
    mark_removed(*document);
    remove_chunks(database_, document->content);
    end(id);
    return true;
}

void UploadLog::mark_removed(const UploadDocument& document)
{
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        auto known_at = std::chrono::steady_clock::now();
        UploadEntry before = last_entry(document);
        if (before.removed)
            return;
        UploadEntry entry = before;
        entry.tail.clear();
        entry.holder.clear();
        entry.removed = true;
        if (append(before, entry, known_at))
            return;
    }
    throw Unavailable(fmt::format("upload {} is written to without a pause", document.upload.id));
}

// Each of these is over afterwards, so the next look finds others.
void UploadLog::remove_expired(TimePoint now)
{
    Document open;
    open.add("open", true);
    for (auto batch = find_until(database_, open, "expires_at", now); !batch.empty();
         batch = find_until(database_, open, "expires_at", now)) {
        for (const UploadDocument& expired : batch) {
            if (remove(expired.upload.id))
                log::info("files", "removed an expired upload", {{"upload", expired.upload.id}});
        }
    }
}

void UploadLog::purge_ended(TimePoint time)
{
    for (auto batch = find_until(database_, Document(), "ended_at", time); !batch.empty();
         batch = find_until(database_, Document(), "ended_at", time)) {
        for (const UploadDocument& ended : batch)
            purge(ended);
    }
}

// The entry in fs.uploads goes last: it is what this is found by. Nobody has written behind an end that was told at the
// beginning.
void UploadLog::purge(const UploadDocument& document)
{
    UploadEntry last = last_entry(document);
    if (last.unclean && !last.removed && !document.upload.length) {
        Document behind;
        behind.add("files_id", document.content).add("n", comparison("$gte", static_cast<std::int64_t>(last.chunks)));
        database_.remove_many(chunks_collection, behind);
    }
    Document entries;
    entries.add("upload", document.upload.id);
    database_.remove_many(log_collection, entries);
    database_.remove_one(uploads_collection, by_id(document.upload.id));
}

void write_upload_chunks(Database& database, const ObjectId& content, std::int64_t epoch, std::uint32_t first,
                         std::string_view bytes)
{
    std::vector<Document> chunks;
    for (std::uint32_t n = first; !bytes.empty(); ++n) {
        std::string_view data = bytes.substr(0, chunk_bytes);
        bytes.remove_prefix(data.size());
        chunks.emplace_back()
            .add("_id", make_chunk_id(content, n))
            .add("files_id", content)
            .add("n", static_cast<std::int32_t>(n))
            .add("w", epoch)
            .add_binary("data", data);
    }
    if (chunks.empty())
        return;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        if (database.insert(chunks_collection, chunks))
            return;
        for (std::uint32_t n = first; n < first + chunks.size(); ++n) {
            Document left;
            left.add("_id", make_chunk_id(content, n)).add("w", comparison("$lte", epoch));
            database.remove_one(chunks_collection, left);
            Document newer;
            newer.add("_id", make_chunk_id(content, n)).add("w", comparison("$gt", epoch));
            if (database.find_one(chunks_collection, newer))
                throw Superseded();
        }
    }
    throw Unavailable(fmt::format("content {} has chunks of another writer", to_text(content)));
}

void remove_upload_chunks(Database& database, const ObjectId& content, std::int64_t epoch, std::uint32_t first,
                          std::uint32_t end)
{
    for (std::uint32_t n = first; n < end; ++n) {
        Document own;
        own.add("_id", make_chunk_id(content, n)).add("w", epoch);
        database.remove_one(chunks_collection, own);
    }
}

}  // namespace gatehouse::files::mongo
