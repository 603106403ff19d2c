// SPDX-License-Identifier: Apache-2.0
// The relay announces what an outbox holds: reads events that were committed together with a change, publishes each,
// and removes it only after the queue has it for good. A crash in between publishes again; the event id stays the same.
#pragma once

#include "base/task.hpp"
#include "events/event_queue.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatehouse::events {

// Where events wait to be announced: a table beside the data they speak of.
struct Outbox {
    std::string name;                                                 // for logs and metrics
    std::function<Task<std::vector<Event>>(std::size_t limit)> read;  // oldest first
    std::function<Task<void>(std::vector<std::string> ids)> clear;
};

class Relay final {
public:
    // Lives on one thread. `queue` outlives it.
    Relay(Outbox outbox, EventQueue& queue);
    ~Relay();

    // Runs until cancelled: sends what is there, then sleeps until notify() or for a second; backs off while the queue
    // is unavailable, up to 5 s. An event that the queue refuses for good is logged and dropped: it
    // would hold up the others for ever.
    Task<void> run();

    // Something was committed: look now. Any thread.
    void notify();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace gatehouse::events
