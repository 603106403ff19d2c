// SPDX-License-Identifier: Apache-2.0
#include "files/examination.hpp"

#include "files/content_directory.hpp"
#include "files/file_records.hpp"
#include "files/mongo_driver.hpp"
#include "files/mongo_records.hpp"

#include <stdexcept>

namespace gatehouse::files {

namespace {

// The error names the server already; the remedy says which part of the setting is meant.
std::string remedy_for(std::string_view error)
{
    if (error.contains("uthentication") || error.contains("auth failed") || error.contains("SASL"))
        return "correct the user and the password in files.store; a user of another database needs ?authSource=NAME";
    if (error.contains("not authorized") || error.contains("nauthorized"))
        return "give the user of files.store the role readWrite on its database: db.grantRolesToUser(...)";
    return "see that MongoDB runs there and can be reached from here, or change files.store";
}

}  // namespace

int newest_schema_version() { return static_cast<int>(records::migrations().size()); }

std::vector<StoredContent> list_content(sql::Connection& connection)
{
    std::vector<StoredContent> list;
    if (connection.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'files'").empty())
        return list;
    std::string select = "SELECT content, sha256, size FROM files";
    // A data directory of an earlier version has none.
    if (!connection.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'trash'").empty())
        select += " UNION ALL SELECT content, sha256, size FROM trash";
    for (const sql::Row& row : connection.query(select))
        list.push_back(
            {ContentDirectory::place_of(row.text(0)), row.text(1), static_cast<std::uint64_t>(row.integer(2))});
    return list;
}

MongoExamination examine_mongodb(const std::string& url)
{
    MongoExamination result;
    try {
        mongo::Database database(url, 1);
        mongo::Document hello;
        hello.add("hello", 1);
        result.time = database.ask(hello).find_time("localTime");
        // Only who may read gets an answer to this.
        database.find_one(mongo::files_collection, mongo::Document());
        result.findings.push_back(Finding::ok("MongoDB lets us in"));
    } catch (const std::invalid_argument& error) {
        result.findings.push_back(Finding::fail(error.what(), "correct files.store"));
    } catch (const Unavailable& error) {
        result.findings.push_back(Finding::fail(error.what(), remedy_for(error.what())));
    }
    return result;
}

}  // namespace gatehouse::files
