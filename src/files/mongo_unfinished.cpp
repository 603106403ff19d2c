// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_unfinished.hpp"

namespace gatehouse::files::mongo {

namespace {

constexpr const char* collection = "unfinished_transfer";

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

void clear_unfinished(Database& database) { database.remove_many(collection, the_mark()); }

std::optional<std::string> find_unfinished(Database& database)
{
    auto mark = database.find_one(collection, the_mark());
    return mark ? mark->find_text("origin") : std::nullopt;
}

}  // namespace gatehouse::files::mongo
