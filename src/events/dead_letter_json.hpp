// SPDX-License-Identifier: Apache-2.0
// A dead letter as JSON: the same for the command line and for the HTTP interface. No state, any thread.
#pragma once

#include "base/json.hpp"
#include "events/event_queue.hpp"

namespace gatehouse::events {

// {id, queue, type, subject, attempts, reason, failed_at}
json::object to_json(const DeadLetter& letter);

// The same, and the whole event as `event`.
json::object to_json_with_event(const DeadLetter& letter);

}  // namespace gatehouse::events
