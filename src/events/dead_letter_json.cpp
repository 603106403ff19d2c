// SPDX-License-Identifier: Apache-2.0
#include "events/dead_letter_json.hpp"

namespace gatehouse::events {

json::object to_json(const DeadLetter& letter)
{
    json::object object;
    object["id"] = letter.id;
    object["queue"] = letter.queue;
    object["type"] = letter.event.type;
    object["subject"] = letter.event.subject;
    object["attempts"] = letter.attempts;
    object["reason"] = letter.reason;
    object["failed_at"] = format_rfc3339(letter.failed_at);
    return object;
}

json::object to_json_with_event(const DeadLetter& letter)
{
    json::object object = to_json(letter);
    if (auto event = parse_json(to_json(letter.event)))
        object["event"] = std::move(*event);
    return object;
}

}  // namespace gatehouse::events
