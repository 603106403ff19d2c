// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_changes.hpp"

#include "files/mongo_records.hpp"

namespace gatehouse::files::mongo {

namespace {

constexpr int pages_max = 8;               // of one call
constexpr std::size_t told_max = 100'000;  // beyond it some are told again

// A removed file has lost its owner; who it was is kept beside.
Document make_filter(TimePoint from, const std::vector<std::string>& owners)
{
    Document since;
    since.add("$gte", from);
    Document any;
    any.add("$in", owners);
    std::vector<Document> either(2);
    either[0].add("metadata.owner", any);
    either[1].add("metadata.removed_owner", any);
    Document filter;
    filter.add("metadata.changed_at", since).add("$or", either);
    return filter;
}

Document make_options(std::size_t limit)
{
    Document sort;
    sort.add("metadata.changed_at", 1);
    Document projection;
    for (const char* path : {"metadata.id", "metadata.owner", "metadata.derived_from", "metadata.removed_id",
                             "metadata.removed_owner", "metadata.removed_from", "metadata.changed_at"})
        projection.add(path, 1);
    Document options;
    options.add("sort", sort).add("projection", projection).add("limit", static_cast<std::int64_t>(limit));
    return options;
}

Change to_change(const Document& document)
{
    auto text = [&](const char* path) { return document.find_text(path).value_or(""); };
    Change change;
    change.removed = document.has("metadata.removed_id");
    change.id = text(change.removed ? "metadata.removed_id" : "metadata.id");
    change.owner = text(change.removed ? "metadata.removed_owner" : "metadata.owner");
    change.source = text(change.removed ? "metadata.removed_from" : "metadata.derived_from");
    return change;
}

}  // namespace

// What was being written when this began may carry an earlier time.
ChangeReader::ChangeReader(Database& database) : database_(database), from_(Clock().now() - overlap / 2) {}

Changes ChangeReader::read(const std::vector<std::string>& owners, std::size_t limit)
{
    TimePoint now = Clock().now();
    const TimePoint began = from_;
    Changes news;
    bool more = true;
    try {
        for (int page = 0; more && page < pages_max && news.changes.size() < limit; ++page)
            more = read_page(owners, limit, news.changes);
    } catch (...) {
        from_ = began;
        told_.clear();  // nobody gets what this call found
        throw;
    }
    if (!more)
        from_ = now - overlap;
    std::erase_if(told_, [&](const auto& entry) { return entry.second < now - 2 * overlap; });
    if (told_.size() > told_max)
        told_.clear();
    return news;
}

// False when that was the end.
bool ChangeReader::read_page(const std::vector<std::string>& owners, std::size_t limit, std::vector<Change>& changes)
{
    std::size_t found = 0;
    TimePoint last = from_;
    database_.find(files_collection, make_filter(from_, owners), make_options(limit), [&](const Document& document) {
        ++found;
        auto content = document.find_object_id("_id");
        auto at = document.find_time("metadata.changed_at");
        if (!content || !at)
            return true;
        last = *at;
        auto [told, is_new] = told_.try_emplace(*content, *at);
        if (is_new || told->second != *at)
            changes.push_back(to_change(document));
        told->second = *at;
        return true;
    });
    if (found < limit)
        return false;
    // A page that begins and ends within one millisecond must not be read for ever.
    from_ = last > from_ ? last : from_ + std::chrono::milliseconds{1};
    return true;
}

}  // namespace gatehouse::files::mongo
