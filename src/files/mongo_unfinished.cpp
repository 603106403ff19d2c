// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_unfinished.hpp"

namespace gatehouse::files::mongo {

namespace {

constexpr const char* collection = "unfinished_transfer";
constexpr const char* verified_collection = "verified_content";

Document any_of(const std::vector<std::string>& ids)
{
    Document any;
    any.add("$in", ids);
    Document filter;
    filter.add("_id", any);
    return filter;
}

Document the_mark()
{
    Document mark;
    mark.add("_id", "origin");
    return mark;
}

}  // namespace

void mark_unfinished(Database& database, const std::string& origin)
{
    Document mark = the_mark();
    mark.add("origin", origin);
    database.insert(collection, mark);
}

void clear_unfinished(Database& database)
{
    database.remove_many(verified_collection, Document());
    database.remove_many(collection, the_mark());
}

std::optional<std::string> find_unfinished(Database& database)
{
    auto mark = database.find_one(collection, the_mark());
    return mark ? mark->find_text("origin") : std::nullopt;
}

void note_verified(Database& database, const std::vector<VerifiedContent>& verified)
{
    if (verified.empty())
        return;
    std::vector<std::string> ids;
    std::vector<Document> notes;
    for (const VerifiedContent& one : verified) {
        ids.push_back(one.file);
        notes.emplace_back().add("_id", one.file).add("content", one.content);
    }
    database.remove_many(verified_collection, any_of(ids));  // of content that was replaced
    database.insert(verified_collection, notes);
}

std::map<std::string, ObjectId> find_verified(Database& database, const std::vector<std::string>& files)
{
    std::map<std::string, ObjectId> found;
    if (files.empty())
        return found;
    database.find(verified_collection, any_of(files), Document(), [&](const Document& note) {
        auto file = note.find_text("_id");
        auto content = note.find_object_id("content");
        if (file && content)
            found.emplace(*file, *content);
        return true;
    });
    return found;
}

}  // namespace gatehouse::files::mongo
