// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_records.hpp"

#include "base/id.hpp"
#include "files/mongo_outbox.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::files::mongo {

namespace {

constexpr std::size_t trash_batch_max = 500;
constexpr std::int64_t chunk_size_max = 16LL << 20U;
constexpr const char* trash_until = "metadata.trash_until";
constexpr const char* changed_at = "metadata.changed_at";  // what mongo_changes looks for

Document by_id(const std::string& id)
{
    Document filter;
    filter.add("metadata.id", id);
    return filter;
}

std::string to_trashed_id(const std::string& id) { return "trash:" + id; }

Document by_trashed_id(const std::string& id) { return by_id(to_trashed_id(id)); }

Document more_than(const char* member, TimePoint time)
{
    Document more;
    more.add("$gt", time);
    Document filter;
    filter.add(member, more);
    return filter;
}

// Of a document with the file's id in the member `id_path`: nothing for a removed file, a tombstone, or what somebody
// else put into the bucket.
std::optional<Record> to_record_of(const Document& document, const char* id_path)
{
    auto id = document.find_text(id_path);
    auto content = document.find_object_id("_id");
    if (!id || !is_id(*id) || !content)
        return std::nullopt;
    auto text = [&](const char* path) { return document.find_text(path).value_or(""); };
    auto size = document.find_integer("length");
    auto chunk_size = document.find_integer("chunkSize");
    auto state = find_state(text("metadata.state"));
    if (!size || *size < 0 || !chunk_size || *chunk_size <= 0 || *chunk_size > chunk_size_max || !state)
        throw Unavailable(fmt::format("MongoDB: the record of file {} makes no sense", *id));
    Record record;
    record.content = *content;
    record.chunk_size = *chunk_size;
    File& file = record.file;
    file.id = *id;
    file.owner = text("metadata.owner");
    file.name = text("filename");
    file.type = text("metadata.type");
    file.size = static_cast<std::uint64_t>(*size);
    file.sha256 = text("metadata.sha256");
    file.created_at = document.find_time("uploadDate").value_or(TimePoint{});
    file.state = *state;
    file.reason = text("metadata.reason");
    file.progress = static_cast<int>(document.find_integer("metadata.progress").value_or(0));
    file.derived_from = text("metadata.derived_from");
    file.processor = text("metadata.processor");
    file.link_generation = document.find_integer("metadata.links").value_or(0);
    return record;
}

std::optional<Record> to_record(const Document& document) { return to_record_of(document, "metadata.id"); }

std::optional<Record> to_trashed_record(const Document& document)
{
    auto until = document.find_time(trash_until);
    if (!until)
        return std::nullopt;
    auto record = to_record_of(document, "metadata.removed_id");
    if (!record)
        return std::nullopt;
    record->file.owner = document.find_text("metadata.removed_owner").value_or("");
    record->file.trashed = Trashed{document.find_time("metadata.trashed_at").value_or(TimePoint{}), *until,
                                   document.find_text("metadata.trashed_by").value_or("")};
    return record;
}

std::optional<Record> to_any_record(const Document& document)
{
    auto record = to_record(document);
    return record ? record : to_trashed_record(document);
}

// In the trash or not.
Document by_any_id(const std::vector<std::string>& ids)
{
    std::vector<std::string> forms = ids;
    for (const std::string& id : ids)
        forms.push_back(to_trashed_id(id));
    Document any;
    any.add("$in", forms);
    Document filter;
    filter.add("metadata.id", any);
    return filter;
}

// Options of a search: its order, and how many it finds at most.
Document in_order(const char* member, int direction, std::optional<std::size_t> limit = std::nullopt)
{
    Document sort;
    sort.add(member, direction);
    Document options;
    options.add("sort", sort);
    if (limit)
        options.add("limit", static_cast<std::int64_t>(*limit));
    return options;
}

std::vector<Record> read_records(Database& database, const Document& filter, Document options,
                                 std::optional<Record> (*read)(const Document&) = to_record)
{
    Document projection;
    projection.add("metadata.outbox", 0);
    options.add("projection", projection);
    std::vector<Record> found;
    database.find(files_collection, filter, options, [&](const Document& document) {
        if (auto record = read(document))
            found.push_back(std::move(*record));
        return true;
    });
    return found;
}

std::vector<File> find_files(Database& database, const Document& filter, Document options,
                             std::optional<Record> (*read)(const Document&) = to_record)
{
    std::vector<File> files;
    for (Record& record : read_records(database, filter, std::move(options), read))
        files.push_back(std::move(record.file));
    return files;
}

std::string make_removed_id() { return "removed:" + make_id(); }

// $set, $min and $unset as one update; the server refuses empty ones.
Document to_change(const Document& set, const Document& min, const Document& unset = Document())
{
    Document change;
    if (!set.empty())
        change.add("$set", set);
    if (!min.empty())
        change.add("$min", min);
    if (!unset.empty())
        change.add("$unset", unset);
    return change;
}

// What a file is found by, in the trash or not.
void add_place(Document& set, Document& unset, const File& file)
{
    if (!file.trashed) {
        set.add("metadata.id", file.id)
            .add("metadata.owner", file.owner)
            .add("metadata.derived_from", file.derived_from);
        for (const char* path : {"metadata.removed_id", "metadata.removed_owner", "metadata.removed_from",
                                 "metadata.trashed_at", trash_until, "metadata.trashed_by"})
            unset.add(path, 1);
        return;
    }
    set.add("metadata.id", to_trashed_id(file.id))
        .add("metadata.removed_id", file.id)
        .add("metadata.removed_owner", file.owner)
        .add("metadata.removed_from", "")
        .add("metadata.trashed_at", file.trashed->at)
        .add(trash_until, file.trashed->until)
        .add("metadata.trashed_by", file.trashed->by);
    unset.add("metadata.owner", 1).add("metadata.derived_from", 1);
}

Database::Index make_index(std::initializer_list<std::pair<const char*, int>> keys, bool unique = false)
{
    Database::Index index;
    for (const auto& [key, direction] : keys)
        index.keys.add(key, direction);
    index.unique = unique;
    return index;
}

}  // namespace

std::vector<Database::Index> file_indexes()
{
    std::vector<Database::Index> indexes;
    indexes.push_back(make_index({{"filename", 1}, {"uploadDate", 1}}));  // the GridFS specification's
    indexes.push_back(make_index({{"metadata.id", 1}}, true));
    // Uploads have an empty derived_from: the first of these lists one owner's, the second everybody's, and it finds
    // what was derived from a file.
    indexes.push_back(make_index({{"metadata.owner", 1}, {"metadata.derived_from", 1}, {"metadata.id", -1}}));
    indexes.push_back(make_index({{"metadata.derived_from", 1}, {"metadata.id", -1}}));
    indexes.push_back(make_index({{"metadata.owner", 1}, {"metadata.derived_from", 1}, {"length", 1}}));  // usage()
    indexes.push_back(make_index({{"metadata.outbox_at", 1}}));
    indexes.push_back(make_index({{"metadata.purge_at", 1}}));
    indexes.push_back(make_index({{changed_at, 1}}));
    // The trash: one owner's, everybody's, and what is to be removed for good.
    indexes.push_back(make_index({{"metadata.removed_owner", 1}, {"metadata.removed_id", -1}}));
    indexes.push_back(make_index({{"metadata.removed_id", -1}}));
    indexes.push_back(make_index({{trash_until, 1}}));
    return indexes;
}

std::optional<Record> find_record(Database& database, const std::string& id)
{
    if (!is_id(id))
        return std::nullopt;
    auto document = database.find_one(files_collection, by_id(id));
    return document ? to_record(*document) : std::nullopt;
}

std::optional<Record> find_record(Database& database, const ObjectId& content)
{
    Document filter;
    filter.add("_id", content);
    auto document = database.find_one(files_collection, filter);
    return document ? to_record(*document) : std::nullopt;
}

std::optional<Record> find_visible(Database& database, const std::string& id)
{
    auto record = find_record(database, id);
    if (record && !record->file.derived_from.empty() && !find_record(database, record->file.derived_from))
        return std::nullopt;
    return record;
}

std::vector<Record> find_records(Database& database, const std::vector<std::string>& ids)
{
    if (ids.empty())
        return {};
    return read_records(database, by_any_id(ids), Document(), to_any_record);
}

std::vector<Record> page(Database& database, const std::string& after, std::size_t limit)
{
    // Removed ones begin with a letter behind those of ids.
    Document range;
    range.add("$gt", after).add("$lt", "g");
    Document filter;
    filter.add("metadata.id", range);
    return read_records(database, filter, in_order("metadata.id", 1, limit));
}

std::vector<Record> page_of_trash(Database& database, const std::string& after, std::size_t limit)
{
    Document filter = more_than(trash_until, TimePoint{});
    Document behind;
    behind.add("$gt", after);
    filter.add("metadata.removed_id", behind);
    return read_records(database, filter, in_order("metadata.removed_id", 1, limit), to_trashed_record);
}

bool replace_record(Database& database, const File& file)
{
    Document set;
    set.add("filename", file.name)
        .add("uploadDate", file.created_at)
        .add("metadata.type", file.type)
        .add("metadata.state", to_string(file.state))
        .add("metadata.reason", file.reason)
        .add("metadata.progress", std::int32_t{file.progress})
        .add("metadata.processor", file.processor)
        .add("metadata.links", file.link_generation)
        .add(changed_at, Clock().now());
    Document unset;
    add_place(set, unset, file);
    return database.update_one(files_collection, by_any_id({file.id}), to_change(set, Document(), unset)) == 1;
}

bool insert_record(Database& database, const Outbox& outbox, const Record& record,
                   const std::optional<events::Event>& announce)
{
    const File& file = record.file;
    Document metadata;
    metadata.add("id", file.id)
        .add("owner", file.owner)
        .add("type", file.type)
        .add("sha256", file.sha256)
        .add("state", to_string(file.state))
        .add("reason", file.reason)
        .add("progress", std::int32_t{file.progress})
        .add("derived_from", file.derived_from)
        .add("processor", file.processor)
        .add("links", file.link_generation)
        .add("changed_at", Clock().now());
    if (announce)
        outbox.add_to(metadata, *announce);
    Document document;
    document.add("_id", record.content)
        .add("length", static_cast<std::int64_t>(file.size))
        .add("chunkSize", static_cast<std::int32_t>(record.chunk_size))
        .add("uploadDate", file.created_at)
        .add("filename", file.name)
        .add("metadata", metadata);
    return database.insert(files_collection, document);
}

std::vector<File> list_trash(Database& database, const ListQuery& query)
{
    Document filter = more_than(trash_until, TimePoint{});
    if (!query.owner.empty())
        filter.add("metadata.removed_owner", query.owner);
    Document ids;
    ids.add("$gt", "");
    if (!query.after.empty())
        ids.add("$lt", query.after);
    filter.add("metadata.removed_id", ids);
    return find_files(database, filter, in_order("metadata.removed_id", -1, query.limit), to_trashed_record);
}

std::vector<File> list(Database& database, const ListQuery& query)
{
    if (query.trashed)
        return list_trash(database, query);
    Document filter;
    if (!query.owner.empty())
        filter.add("metadata.owner", query.owner);
    filter.add("metadata.derived_from", "");
    if (!query.after.empty()) {
        Document before;
        before.add("$lt", query.after);
        filter.add("metadata.id", before);
    }
    return find_files(database, filter, in_order("metadata.id", -1, query.limit));
}

std::vector<File> derived(Database& database, const std::vector<std::string>& source_ids)
{
    if (source_ids.empty())
        return {};
    Document any;
    any.add("$in", source_ids);
    Document filter;
    filter.add("metadata.derived_from", any);
    return find_files(database, filter, in_order("metadata.id", 1));
}

// Several questions: servers that speak MongoDB's protocol do not all count and add up in one.
Usage usage(Database& database, const std::string& owner)
{
    Document filter;
    filter.add("metadata.owner", owner).add("metadata.derived_from", "");
    Document length;
    length.add("$sum", "$length");
    Document sum;
    sum.add("_id", "$metadata.owner").add("bytes", length);
    std::vector<Document> steps(2);
    steps[0].add("$match", filter);
    steps[1].add("$group", sum);
    Usage usage;
    database.aggregate(files_collection, steps, [&](const Document& found) {
        usage.bytes = static_cast<std::uint64_t>(found.find_integer("bytes").value_or(0));
        return false;
    });
    steps[1] = Document();
    steps[1].add("$count", "files");
    database.aggregate(files_collection, steps, [&](const Document& found) {
        usage.files = static_cast<std::uint64_t>(found.find_integer("files").value_or(0));
        return false;
    });
    // What is not in the trash but on its way out has a length of 0.
    Document trash;
    trash.add("metadata.removed_owner", owner);
    Document trash_sum;
    trash_sum.add("_id", "$metadata.removed_owner").add("bytes", length);
    steps[0] = Document();
    steps[0].add("$match", trash);
    steps[1] = Document();
    steps[1].add("$group", trash_sum);
    database.aggregate(files_collection, steps, [&](const Document& found) {
        usage.trash_bytes = static_cast<std::uint64_t>(found.find_integer("bytes").value_or(0));
        return false;
    });
    usage.bytes += usage.trash_bytes;
    return usage;
}

bool mark_removed(Database& database, const Outbox& outbox, const std::string& id, TimePoint purge_at,
                  const std::optional<events::Event>& announce, const File* file)
{
    Document set;
    set.add("length", std::int64_t{0})
        .add("filename", "")
        .add("metadata.id", make_removed_id())
        .add("metadata.removed_id", id)
        .add("metadata.purge_at", purge_at);
    if (file)
        set.add("metadata.removed_owner", file->owner)
            .add("metadata.removed_from", file->derived_from)
            .add(changed_at, Clock().now());
    Document min;
    if (announce)
        outbox.add_to(set, min, *announce);
    Document unset;
    unset.add("metadata.owner", 1).add("metadata.derived_from", 1);
    return database.update_one(files_collection, by_id(id), to_change(set, min, unset)) == 1;
}

// Who follows changes is told of the removal as of one for good.
bool mark_trashed(Database& database, const Outbox& outbox, const File& file, const Trashed& how,
                  const events::Event& announce)
{
    File trashed = file;
    trashed.trashed = how;
    Document set;
    Document unset;
    add_place(set, unset, trashed);
    set.add(changed_at, Clock().now());
    Document min;
    outbox.add_to(set, min, announce);
    Document change = to_change(set, min, unset);
    Document next;
    next.add("metadata.links", 1);
    change.add("$inc", next);
    return database.update_one(files_collection, by_id(file.id), change) == 1;
}

std::optional<Record> find_trashed(Database& database, const std::string& id)
{
    if (!is_id(id))
        return std::nullopt;
    auto document = database.find_one(files_collection, by_trashed_id(id));
    return document ? to_trashed_record(*document) : std::nullopt;
}

bool mark_restored(Database& database, const Outbox& outbox, const File& file, const events::Event& announce)
{
    File restored = file;
    restored.trashed.reset();
    Document set;
    Document unset;
    add_place(set, unset, restored);
    set.add(changed_at, Clock().now());
    if (file.state == State::processing)
        set.add("metadata.state", to_string(State::stored)).add("metadata.progress", std::int32_t{0});
    Document min;
    outbox.add_to(set, min, announce);
    return database.update_one(files_collection, by_trashed_id(file.id), to_change(set, min, unset)) == 1;
}

bool mark_trash_removed(Database& database, const Outbox& outbox, const File& file, TimePoint purge_at,
                        const events::Event& announce)
{
    Document set;
    set.add("length", std::int64_t{0})
        .add("filename", "")
        .add("metadata.id", make_removed_id())
        .add("metadata.purge_at", purge_at);
    Document min;
    outbox.add_to(set, min, announce);
    Document unset;
    unset.add("metadata.trashed_at", 1).add(trash_until, 1).add("metadata.trashed_by", 1);
    return database.update_one(files_collection, by_trashed_id(file.id), to_change(set, min, unset)) == 1;
}

std::vector<File> find_expired_trash(Database& database, TimePoint now)
{
    Document at_most;
    at_most.add("$gt", TimePoint{}).add("$lte", now);
    Document filter;
    filter.add(trash_until, at_most);
    return find_files(database, filter, in_order(trash_until, 1, trash_batch_max), to_trashed_record);
}

bool end_links(Database& database, const std::string& id)
{
    Document next;
    next.add("metadata.links", 1);
    Document change;
    change.add("$inc", next);
    return database.update_one(files_collection, by_id(id), change) == 1;
}

void mark_derived_removed(Database& database, const Outbox& outbox, std::vector<std::string> source_ids,
                          TimePoint purge_at)
{
    // Nothing is derived from itself, so this ends.
    while (!source_ids.empty()) {
        std::vector<std::string> next;
        for (const File& file : derived(database, source_ids)) {
            mark_removed(database, outbox, file.id, purge_at, std::nullopt);
            next.push_back(file.id);
        }
        source_ids = std::move(next);
    }
}

bool insert_tombstone(Database& database, const ObjectId& content, TimePoint purge_at)
{
    Document metadata;
    metadata.add("id", make_removed_id()).add("purge_at", purge_at);
    Document document;
    document.add("_id", content)
        .add("length", std::int64_t{0})
        .add("chunkSize", static_cast<std::int32_t>(chunk_bytes))
        .add("uploadDate", Clock().now())
        .add("filename", "")
        .add("metadata", metadata);
    return database.insert(files_collection, document);
}

bool set_state(Database& database, const Outbox& outbox, const std::string& id, State state, const std::string& reason,
               const std::optional<events::Event>& announce)
{
    Document set;
    set.add("metadata.state", to_string(state))
        .add("metadata.reason", reason)
        .add("metadata.progress", std::int32_t{state == State::processed ? 100 : 0})
        .add(changed_at, Clock().now());
    Document min;
    if (announce)
        outbox.add_to(set, min, *announce);
    return database.update_one(files_collection, by_id(id), to_change(set, min)) == 1;
}

void set_progress(Database& database, const std::string& id, int percent)
{
    Document filter = by_id(id);
    filter.add("metadata.state", to_string(State::processing));
    Document set;
    set.add("metadata.progress", std::int32_t{std::clamp(percent, 0, 100)}).add(changed_at, Clock().now());
    database.update_one(files_collection, filter, to_change(set, Document()));
}

}  // namespace gatehouse::files::mongo
