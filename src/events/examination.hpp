// SPDX-License-Identifier: Apache-2.0
// What can be told about the queues without changing them, for `gatehouse doctor`. Blocks; any thread.
#pragma once

#include "base/finding.hpp"
#include "sql/connection.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::events {

// Of an embedded queue: the component's name and the version that this program brings it to.
inline constexpr std::string_view schema_component = "events";
int newest_schema_version();

struct QueueFigures {
    std::size_t waiting = 0;  // or being handled
    std::size_t dead = 0;
};
Finding judge_queue(std::string_view queue, const QueueFigures& figures);

// One finding for each queue. REQUIRES: the schema is the newest, and a transaction of the caller's. Throws
// Unavailable.
Findings examine_sqlite_queue(sql::Connection& connection);

// Connects and logs in, and looks at the queues; declares nothing. REQUIRES: the URL can be parsed.
Findings examine_rabbitmq(const std::string& url, const std::string& prefix = "gatehouse");

}  // namespace gatehouse::events
