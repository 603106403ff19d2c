// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_outbox.hpp"

#include "base/id.hpp"
#include "base/log.hpp"
#include "files/mongo_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace gatehouse::files::mongo {

namespace {

// How many waiting events of other stores are looked at to find one that is free.
constexpr std::int64_t documents_max = 4096;

// Never the same twice in one process, and never smaller than before.
std::int64_t next_at()
{
    static std::atomic<std::int64_t> last{0};
    auto since = std::chrono::system_clock::now().time_since_epoch();
    std::int64_t now = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    std::int64_t previous = last.load();
    std::int64_t next = 0;
    do
        next = std::max(now, previous + 1);
    while (!last.compare_exchange_weak(previous, next));
    return next;
}

std::string path_of(const std::string& event_id) { return "metadata.outbox." + event_id; }

// Documents in which something waits.
Document waiting()
{
    Document more_than_nothing;
    more_than_nothing.add("$gt", std::int64_t{0});
    Document filter;
    filter.add("metadata.outbox_at", more_than_nothing);
    return filter;
}

Document oldest_first()
{
    Document sort;
    sort.add("metadata.outbox_at", 1);
    Document projection;
    projection.add("metadata.outbox", 1);
    Document options;
    options.add("sort", sort).add("projection", projection).add("limit", documents_max);
    return options;
}

}  // namespace

Outbox::Outbox(Database& database, std::chrono::milliseconds lease)
    : database_(database), owner_(make_id()), lease_(lease)
{
}

Document Outbox::make_entry(const events::Event& event, std::int64_t at) const
{
    GH_ASSERT(is_id(event.id));  // it becomes a member's name
    Document entry;
    entry.add("at", at).add("body", events::to_json(event)).add("owner", owner_).add("until", Clock().now() + lease_);
    return entry;
}

void Outbox::add_to(Document& metadata, const events::Event& event) const
{
    std::int64_t at = next_at();
    Document outbox;
    outbox.add(event.id, make_entry(event, at));
    metadata.add("outbox", outbox).add("outbox_at", at);
}

void Outbox::add_to(Document& set, Document& min, const events::Event& event) const
{
    std::int64_t at = next_at();
    set.add(path_of(event.id), make_entry(event, at));
    min.add("metadata.outbox_at", at);
}

std::vector<Outbox::Entry> Outbox::entries_of(const Document& document)
{
    auto content = document.find_object_id("_id");
    GH_ASSERT(content);  // as the collection's only writer, this store, makes them
    std::vector<Entry> entries;
    for (const auto& [event_id, member] : document.children("metadata.outbox")) {
        Entry& entry = entries.emplace_back();
        entry.content = *content;
        entry.event_id = event_id;
        entry.body = member.find_text("body").value_or("");
        entry.at = member.find_integer("at").value_or(0);
        entry.owner = member.find_text("owner").value_or("");
        entry.until = member.find_time("until").value_or(TimePoint{});
    }
    return entries;
}

// Makes the entry this store's for another lease, unless another store was faster.
bool Outbox::acquire(const Entry& entry) const
{
    std::string path = path_of(entry.event_id);
    Document as_it_was;
    as_it_was.add("_id", entry.content).add(path + ".owner", entry.owner).add(path + ".until", entry.until);
    Document set;
    set.add(path + ".owner", owner_).add(path + ".until", Clock().now() + lease_);
    Document change;
    change.add("$set", set);
    return database_.update_one(files_collection, as_it_was, change) == 1;
}

std::vector<events::Event> Outbox::read(std::size_t limit)
{
    std::vector<Entry> mine;
    std::vector<Entry> to_acquire;
    auto look = [&](const Document& document) {
        TimePoint now = Clock().now();
        for (Entry& entry : entries_of(document)) {
            // A lease that ends too far away was made by a clock that is wrong.
            bool leased = entry.until > now && entry.until <= now + 2 * lease_;
            if (entry.owner == owner_ && entry.until > now + lease_ / 2)
                mine.push_back(std::move(entry));
            else if (entry.owner == owner_ || !leased)
                to_acquire.push_back(std::move(entry));
        }
        return mine.size() + to_acquire.size() < limit;
    };
    database_.find(files_collection, waiting(), oldest_first(), look);
    for (Entry& entry : to_acquire) {
        if (acquire(entry))
            mine.push_back(std::move(entry));
    }
    std::ranges::sort(mine, {}, &Entry::at);
    if (mine.size() > limit)
        mine.resize(limit);
    remember(mine);

    std::vector<events::Event> events;
    for (const Entry& entry : mine) {
        auto event = events::parse_event(entry.body);
        if (!event) {
            // One that nobody can read must not hold up the others.
            log::error("files", "an event of the outbox cannot be read",
                       {{"event", entry.event_id}, {"error", event.error()}});
            continue;
        }
        events.push_back(std::move(*event));
    }
    return events;
}

void Outbox::remember(const std::vector<Entry>& entries)
{
    std::scoped_lock lock(mutex_);
    places_.clear();
    for (const Entry& entry : entries)
        places_.emplace(entry.event_id, entry.content);
}

void Outbox::clear(const std::vector<std::string>& event_ids)
{
    auto places = locate(event_ids);
    std::vector<Database::Update> updates;
    for (const auto& [content, ids] : places) {
        Document unset;
        for (const auto& id : ids)
            unset.add(path_of(id), 1);
        Database::Update& update = updates.emplace_back();
        update.filter.add("_id", content);
        update.change.add("$unset", unset);
    }
    // What waits on keeps the index entry: these match only when nothing is left.
    for (const auto& [content, ids] : places) {
        Document unset;
        unset.add("metadata.outbox", 1).add("metadata.outbox_at", 1);
        Database::Update& update = updates.emplace_back();
        update.filter.add("_id", content).add("metadata.outbox", Document());
        update.change.add("$unset", unset);
    }
    database_.update_each(files_collection, updates);
}

std::map<ObjectId, std::vector<std::string>> Outbox::locate(const std::vector<std::string>& event_ids)
{
    std::map<ObjectId, std::vector<std::string>> places;
    std::vector<std::string> elsewhere;
    {
        std::scoped_lock lock(mutex_);
        for (const auto& id : event_ids) {
            auto place = places_.find(id);
            if (place != places_.end())
                places[place->second].push_back(id);
            else if (is_id(id))
                elsewhere.push_back(id);
        }
    }
    if (!elsewhere.empty())
        places.merge(search(elsewhere));
    return places;
}

// Events that were read earlier than last time.
std::map<ObjectId, std::vector<std::string>> Outbox::search(const std::vector<std::string>& event_ids) const
{
    std::map<ObjectId, std::vector<std::string>> places;
    auto look = [&](const Document& document) {
        for (const Entry& entry : entries_of(document)) {
            if (std::ranges::find(event_ids, entry.event_id) != event_ids.end())
                places[entry.content].push_back(entry.event_id);
        }
        return true;
    };
    database_.find(files_collection, waiting(), oldest_first(), look);
    return places;
}

void Outbox::release()
{
    std::vector<Database::Update> updates;
    auto look = [&](const Document& document) {
        for (const Entry& entry : entries_of(document)) {
            if (entry.owner != owner_)
                continue;
            Document set;
            set.add(path_of(entry.event_id) + ".until", TimePoint{});
            Database::Update& update = updates.emplace_back();
            update.filter.add("_id", entry.content).add(path_of(entry.event_id) + ".owner", owner_);
            update.change.add("$set", set);
        }
        return true;
    };
    database_.find(files_collection, waiting(), oldest_first(), look);
    database_.update_each(files_collection, updates);
}

}  // namespace gatehouse::files::mongo
