// SPDX-License-Identifier: Apache-2.0
// An event: something that happened, told to whoever wants to know. CloudEvents 1.0, structured JSON.
#pragma once

#include "base/clock.hpp"
#include "base/json.hpp"

#include <string>
#include <string_view>

namespace gatehouse::events {

struct Event {
    std::string id;       // unique; consumers drop repeats by it
    std::string type;     // "file.uploaded", "file.processed", "file.failed", "file.trashed", "file.deleted", ...
    std::string source;   // "/files", "/auth", "/worker"
    std::string subject;  // the id of the thing it is about
    TimePoint time;
    std::string traceparent;  // may be empty
    json::object data;

    bool operator==(const Event&) const = default;
};

// application/cloudevents+json, one object. parse_event() refuses what lacks an id, type, source or time, and data that
// is not an object; its error is a sentence.
std::string to_json(const Event& event);
Result<Event, std::string> parse_event(std::string_view text);

}  // namespace gatehouse::events
