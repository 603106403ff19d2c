// SPDX-License-Identifier: Apache-2.0
// Where the integration tests of this folder have their store: a database of its own on the tests' server, gone at the
// end.
#pragma once

#include "files/file_store_suite.hpp"

#include "files/mongo_content.hpp"
#include "files/mongo_records.hpp"
#include "support/services.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::files::testing {

using namespace std::chrono_literals;
using Clock_ = std::chrono::steady_clock;

// The server's URL with another database.
inline std::string make_url(const std::string& database)
{
    std::string url = gatehouse::testing::require_environment("GATEHOUSE_TEST_MONGODB");
    return url.substr(0, url.find('/', std::string_view("mongodb://").size()) + 1) + database;
}

template <class Condition>
bool wait_until(Condition condition, std::chrono::milliseconds limit = 15s)
{
    auto end = Clock_::now() + limit;
    while (!condition()) {
        if (Clock_::now() > end)
            return false;
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

inline constexpr MongoOptions sweeping{.abandoned_after = 1ms, .sweep_interval = 20ms};

// A database of its own, gone at the end.
struct MongoPlace {
    MongoPlace() = default;
    ~MongoPlace()
    {
        mongoc_client_t* client = mongoc_client_new(url.c_str());
        mongoc_database_t* whole = mongoc_client_get_default_database(client);
        bson_error_t error{};
        EXPECT_TRUE(mongoc_database_drop(whole, &error)) << error.message;
        mongoc_database_destroy(whole);
        mongoc_client_destroy(client);
    }
    MongoPlace(const MongoPlace&) = delete;
    MongoPlace& operator=(const MongoPlace&) = delete;

    // Removed content is purged soon.
    std::unique_ptr<FileStore> open(const UploadOptions& uploads = {})
    {
        return make_mongo_file_store(url, {.abandoned_after = 2s, .sweep_interval = 200ms, .uploads = uploads});
    }
    static constexpr std::chrono::milliseconds stall{150};
    std::unique_ptr<FileStore> open_crashed() { return open(); }

    // After a sweep that takes every writer for dead.
    std::size_t leftovers()
    {
        auto sweeper = make_mongo_file_store(url, sweeping);
        wait_until([&] { return count() == 0; }, 10s);
        sweeper->stop();
        return count();
    }

    std::size_t count()
    {
        std::size_t left = count_of("fs.pending") + count_of("fs.uploads") + count_of("fs.upload_log");
        for (const auto& content : contents_of_chunks())
            left += mongo::find_record(database, content) || is_trashed(content) ? 0 : 1;
        return left;
    }
    bool is_trashed(const mongo::ObjectId& content)
    {
        mongo::Document filter;
        filter.add("_id", content);
        auto document = database.find_one("fs.files", filter);
        return document && document->has("metadata.trash_until");
    }
    std::size_t count_of(const char* collection)
    {
        std::size_t found = 0;
        database.find(collection, {}, {}, [&](const mongo::Document&) {
            ++found;
            return true;
        });
        return found;
    }
    std::vector<mongo::ObjectId> contents_of_chunks()
    {
        std::vector<mongo::ObjectId> contents;
        database.find("fs.chunks", {}, {}, [&](const mongo::Document& chunk) {
            contents.push_back(chunk.find_object_id("files_id").value());
            return true;
        });
        return contents;
    }

    std::string url = make_url("gatehouse_test_" + to_hex(sha256(make_id())).substr(0, 16));
    mongo::Database database{url, 4};
};

}  // namespace gatehouse::files::testing
