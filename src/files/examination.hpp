// SPDX-License-Identifier: Apache-2.0
// What can be told about the role's store without changing it, for `gatehouse doctor`. Blocks; any thread.
#pragma once

#include "base/clock.hpp"
#include "base/finding.hpp"
#include "sql/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files {

// Of an embedded store: the component's name and the version that this program brings it to.
inline constexpr std::string_view schema_component = "files";
int newest_schema_version();

// What the records of an embedded store name: a file below its directory.
struct StoredContent {
    std::string path;  // "content/ab/..."
    std::string sha256;
    std::uint64_t size = 0;
};
// In a transaction of the caller's; empty for a store in which nothing was made yet. Throws Unavailable.
std::vector<StoredContent> list_content(sql::Connection& connection);

struct MongoExamination {
    Findings findings;
    std::optional<TimePoint> time;  // the server's clock, when it was told
};

// Connects, logs in and reads. REQUIRES: the URL can be parsed.
MongoExamination examine_mongodb(const std::string& url);

}  // namespace gatehouse::files
