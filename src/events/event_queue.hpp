// SPDX-License-Identifier: Apache-2.0
// Queues of events with at-least-once delivery, shared by all roles of one installation.
//
// publish() gives an event to every queue bound to its type. consume() calls `handle` for each event of one queue, at
// most `prefetch` at a time. Returning acknowledges it. Throwing puts it back with a growing delay; after attempts_max
// tries it goes to the queue's dead-letter list. A process that ends while it handles an event has used up a try; when
// that was the last one, the event comes once more, with attempt attempts_max + 1, so that its handler can write down
// that it gives up.
//
// A handler may see the same event twice, even after success, because an acknowledgement can be lost: it must be
// idempotent by event.id.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "events/event.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::sql {
class Database;
}

namespace gatehouse::events {

struct Binding {
    std::string queue;               // "worker", "notifier"
    std::vector<std::string> types;  // event types it receives
};

// Which queue receives what, for the whole product: the one table (event_queue.cpp).
const std::vector<Binding>& bindings();

// The queues that want an event of this type; none for most.
std::vector<std::string> queues_for(std::string_view type);

struct Retry {
    int attempts_max = 5;
    std::chrono::milliseconds delay_first{1'000};  // doubles with each attempt
    std::chrono::milliseconds delay_max{60'000};
};

// How long an event waits after its `attempts`-th failure.
std::chrono::milliseconds delay_after(const Retry& retry, int attempts);

// An event's text form is at most this long.
inline constexpr std::size_t event_bytes_max = 256 * 1024;

struct Delivery {
    Event event;
    int attempt = 1;  // counts from 1
};

struct DeadLetter {
    std::string id;  // of the letter: "<queue>:<event id>"
    std::string queue;
    Event event;
    int attempts = 0;
    std::string reason;  // the last failure
    TimePoint failed_at;
};

// For the implementations.
//
// An event's text form; throws std::invalid_argument when no consumer could read it, or it is too long.
std::string encode_event(const Event& event);
// A failure's reason, cut to what a list can show, never within a character.
std::string shorten_reason(std::string reason);
// The parts of a letter's id; a queue's name has no colon. The event's id is empty when there is none.
struct LetterId {
    std::string queue;
    std::string event_id;
};
LetterId split_letter_id(const std::string& id);

class EventQueue {
public:
    using Handle = std::function<Task<void>(Delivery)>;

    virtual ~EventQueue() = default;

    // Returns once the event is durable in every queue that wants it. Throws Unavailable when that is not known, and
    // std::invalid_argument for an event that no consumer could read (parse_event refuses its text form, or it is too
    // long). An event that is published again may be delivered again.
    virtual Task<void> publish(Event event) = 0;

    // Runs until cancelled; then waits for the handlers in progress (cancelled too) and returns. An event whose handler
    // throws then goes back without its attempt being counted. Never throws for a broker that is away: it comes back
    // when the broker does. REQUIRES: the awaiter's executor has one thread, on which the handlers run, too.
    virtual Task<void> consume(std::string queue, std::size_t prefetch, Handle handle) = 0;

    // The dead-letter list, newest first, at most `limit`.
    virtual Task<std::vector<DeadLetter>> dead_letters(std::size_t limit) = 0;
    virtual Task<std::optional<DeadLetter>> find_dead_letter(std::string id) = 0;
    virtual Task<bool>
    retry_dead_letter(std::string id) = 0;  // back into its queue with attempts from 1; false: unknown
    virtual Task<bool> drop_dead_letter(std::string id) = 0;

    // Events that wait or are being handled.
    virtual Task<std::size_t> depth(std::string queue) = 0;
    virtual Task<std::size_t> dead_count(std::string queue) = 0;  // of its dead letters

    virtual bool ready() const = 0;
};

// On SQLite. Events that were being handled when the process ended are delivered again at once; that attempt counts, so
// one that ends the process each time becomes a dead letter. Brings the schema up to date and blocks while it does.
// `database` and `clock` outlive it. Any thread may call.
std::unique_ptr<EventQueue> make_sqlite_event_queue(sql::Database& database, const Clock& clock, Retry retry);

// On RabbitMQ: amqp://user:password@host:port/vhost?heartbeat=10, or amqps with ?ca=FILE. The broker may be away, now
// and at any time: then calls wait five seconds for it and throw Unavailable. Processes that share queues have the same
// `prefix` and `retry`. Throws std::invalid_argument, without the password, for a wrong URL. Destroy it when its
// consumers have ended.
std::unique_ptr<EventQueue> make_rabbitmq_event_queue(const std::string& url, const Clock& clock, Retry retry,
                                                      std::string prefix = "gatehouse");

}  // namespace gatehouse::events
