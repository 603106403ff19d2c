// SPDX-License-Identifier: Apache-2.0
// Unfinished uploads of the local file store as SQL: the table `uploads` and every statement on it.
//
// Each function runs inside the caller's transaction, on the caller's (pool) thread. `epoch` counts the writers of an
// upload: a row changes for the newest of them alone.
#pragma once

#include "files/file_store.hpp"
#include "sql/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files::upload_records {

std::vector<std::string_view> schema();
std::vector<std::string_view> joining_schema();  // what came later

struct Record {
    Upload upload;
    std::string content;  // the name of its content (ContentDirectory)
    std::string hash;     // ResumableSha256 of what is durable
    std::int64_t epoch = 0;
};

UploadStore::Creation insert(sql::Connection& connection, const Record& record, const UploadBounds& bounds);

std::uint64_t claimed(sql::Connection& connection, const std::string& owner);

std::optional<Record> find(sql::Connection& connection, const std::string& id);

// The upload belongs to a new writer from now on: its row, with a new epoch and expiry.
std::optional<Record> take(sql::Connection& connection, const std::string& id, TimePoint expires_at);

// Length, offset, hash and expiry as `record` says. False when there is a newer writer, or none can be.
bool update(sql::Connection& connection, const Record& record);

// False when there is a newer writer, or the upload is over.
bool end(sql::Connection& connection, const Record& record);

// The name of its content.
std::optional<std::string> remove(sql::Connection& connection, const std::string& id);

// The names of the content of all uploads.
std::vector<std::string> contents(sql::Connection& connection);

// The names of the content of expired uploads; of those that are removed now.
std::vector<std::string> find_expired(sql::Connection& connection, TimePoint now, std::size_t limit);
std::vector<std::string> remove_expired(sql::Connection& connection, TimePoint now, std::size_t limit);

}  // namespace gatehouse::files::upload_records
