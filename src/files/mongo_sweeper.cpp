// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_sweeper.hpp"

#include "base/log.hpp"
#include "files/announcement.hpp"
#include "files/mongo_records.hpp"

namespace gatehouse::files::mongo {

namespace {

constexpr const char* pending_collection = "fs.pending";
constexpr std::int64_t batch_max = 1000;

// A writer that wakes up later than this after it was taken for dead would make a file without content visible.
constexpr std::chrono::hours tombstone_life{24};

Document by_content(const ObjectId& content)
{
    Document filter;
    filter.add("_id", content);
    return filter;
}

Document any_of(const std::vector<ObjectId>& contents)
{
    Document any;
    any.add("$in", contents);
    Document filter;
    filter.add("_id", any);
    return filter;
}

// In the order of a member, at most batch_max.
Document oldest_first(const char* member)
{
    Document sort;
    sort.add(member, 1);
    Document options;
    options.add("sort", sort).add("limit", batch_max);
    return options;
}

Document removed_with(const char* comparison, TimePoint time)
{
    Document purge_at;
    purge_at.add(comparison, time);
    Document filter;
    filter.add("metadata.purge_at", purge_at);
    return filter;
}

}  // namespace

void Sweeper::begin(const ObjectId& content)
{
    {
        std::scoped_lock lock(mutex_);
        writing_.insert(content);
    }
    Document entry;
    entry.add("_id", content).add("touched_at", Clock().now());
    bool inserted = false;
    try {
        inserted = database_.insert(pending_collection, entry);
    } catch (...) {
        end(content);
        throw;
    }
    if (inserted)
        return;
    end(content);
    throw Unavailable("two writers drew the same content id");
}

void Sweeper::end(const ObjectId& content) noexcept
{
    std::scoped_lock lock(mutex_);
    writing_.erase(content);
}

void Sweeper::settle(const std::vector<Ending>& endings)
{
    std::vector<ObjectId> contents;
    for (const Ending& ending : endings) {
        if (!ending.visible)
            remove_chunks(database_, ending.content);
        contents.push_back(ending.content);
    }
    remove_pending(contents);
}

void Sweeper::remove_pending(const std::vector<ObjectId>& contents)
{
    if (contents.size() == 1)
        database_.remove_one(pending_collection, by_content(contents.front()));
    else if (!contents.empty())
        database_.remove_many(pending_collection, any_of(contents));
}

void Sweeper::sweep()
{
    touch();
    sweep_pending();
    remove_orphans();
    purge();
}

void Sweeper::touch()
{
    std::vector<ObjectId> living;
    {
        std::scoped_lock lock(mutex_);
        living.assign(writing_.begin(), writing_.end());
    }
    if (living.empty())
        return;
    Document set;
    set.add("touched_at", Clock().now());
    Document change;
    change.add("$set", set);
    database_.update_many(pending_collection, any_of(living), change);
}

void Sweeper::sweep_pending()
{
    auto now = std::chrono::steady_clock::now();
    std::map<ObjectId, Seen> seen;
    std::vector<ObjectId> abandoned;
    auto look = [&](const Document& entry) {
        auto content = entry.find_object_id("_id");
        if (!content)
            return true;
        TimePoint touched_at = entry.find_time("touched_at").value_or(TimePoint{});
        auto before = seen_.find(*content);
        bool unchanged = before != seen_.end() && before->second.touched_at == touched_at;
        auto since = unchanged ? before->second.since : now;
        seen.insert_or_assign(*content, Seen{touched_at, since});
        if (unchanged && now - since >= options_.abandoned_after)
            abandoned.push_back(*content);
        return true;
    };
    database_.find(pending_collection, Document(), oldest_first("touched_at"), look);
    seen_ = std::move(seen);
    for (const ObjectId& content : abandoned)
        settle_abandoned(content);
}

// The document of the content decides: when it is there, the file stands. Else a tombstone takes its place first, so
// that a writer that was only slow fails when it commits.
void Sweeper::settle_abandoned(const ObjectId& content)
{
    auto record = find_record(database_, content);
    if (record) {
        // The writer may have gone between making a derived file visible and looking whether its source still stands.
        const File& file = record->file;
        if (!file.derived_from.empty() && !find_record(database_, file.derived_from) &&
            !find_trashed(database_, file.derived_from))
            mark_removed(database_, outbox_, file.id, purge_time(), std::nullopt);
        settle({{content, true}});
        return;
    }
    if (!insert_tombstone(database_, content, Clock().now() + tombstone_life)) {
        // Committed just now (the next sweep sees it), in the trash, removed (readers may need it until it is purged),
        // or a tombstone of a sweep that did not come to its end.
        auto document = database_.find_one(files_collection, by_content(content));
        if (document && document->has("metadata.removed_id")) {
            settle({{content, true}});
            return;
        }
        if (!document || !document->has("metadata.purge_at"))
            return;
    }
    settle({{content, false}});
    log::info("files", "removed what a dead writer left", {{"content", to_text(content)}});
}

// A process that died while it removed a file may have left what was derived from it.
void Sweeper::remove_orphans()
{
    std::vector<std::string> removed_ids;
    auto look = [&](const Document& document) {
        if (auto id = document.find_text("metadata.removed_id"))
            removed_ids.push_back(std::move(*id));
        return true;
    };
    database_.find(files_collection, removed_with("$gt", TimePoint{}), oldest_first("metadata.purge_at"), look);
    // An id that was made again since (a repeated job's result) is not gone.
    for (const File& file : derived(database_, removed_ids)) {
        if (!find_record(database_, file.derived_from) && !find_trashed(database_, file.derived_from))
            mark_derived_removed(database_, outbox_, {file.derived_from}, purge_time());
    }
}

// A process that dies in between leaves what was derived from the file to remove_orphans().
void Sweeper::sweep_trash(TimePoint now)
{
    for (auto expired = find_expired_trash(database_, now); !expired.empty();
         expired = find_expired_trash(database_, now)) {
        std::int64_t removed = 0;
        for (const File& file : expired) {
            if (!mark_trash_removed(database_, outbox_, file, purge_time(), make_emptied_announcement(file, now)))
                continue;  // another process did, or it was restored
            mark_derived_removed(database_, outbox_, {file.id}, purge_time());
            ++removed;
        }
        log::info("files", "removed files whose time in the trash is over", {{"files", removed}});
    }
}

void Sweeper::purge()
{
    std::vector<ObjectId> contents;
    auto look = [&](const Document& document) {
        if (auto content = document.find_object_id("_id"))
            contents.push_back(*content);
        return true;
    };
    database_.find(files_collection, removed_with("$lte", Clock().now()), oldest_first("metadata.purge_at"), look);
    Document absent;
    absent.add("$exists", false);
    for (const ObjectId& content : contents) {
        remove_chunks(database_, content);
        // The document is also the outbox: it stays until its event is announced.
        Document filter = by_content(content);
        filter.add("metadata.outbox_at", absent);
        database_.remove_one(files_collection, filter);
    }
}

}  // namespace gatehouse::files::mongo
