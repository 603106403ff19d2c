// SPDX-License-Identifier: Apache-2.0
// Brings the events of an embedded queue to RabbitMQ, for `gatehouse migrate`: what waits goes into its queue with the
// number of its failed attempts, dead letters stay dead letters. Ids stay the same.
//
// What a broker holds cannot be compared message by message without counting as a delivery, so bring() begins by
// emptying the queues: whatever they held an earlier run of the same migration put there, as list_target() tells
// beforehand. Nobody consumes or publishes there meanwhile.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "events/event_queue.hpp"
#include "sql/connection.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::events {

struct QueueComparison {
    std::string queue;
    std::uint64_t source_waiting = 0;
    std::uint64_t target_waiting = 0;
    std::uint64_t source_dead = 0;
    std::uint64_t target_dead = 0;
    std::uint64_t different = 0;  // of the dead letters, each compared; of what waits, the number alone
    std::vector<std::string> examples;
};

class QueueTransfer final {
public:
    // `source` is the database of an embedded queue that was opened once (make_sqlite_event_queue) and is closed again,
    // in a transaction of the caller's. It and `clock` outlive this. Throws std::invalid_argument for a wrong URL.
    QueueTransfer(sql::Connection& source, const std::string& url, const Clock& clock, Retry retry,
                  std::string prefix = "gatehouse");
    ~QueueTransfer();

    // What the target's queues hold, as "worker: 3 waiting, 1 dead"; empty: nothing. Makes the queues.
    Task<std::vector<std::string>> list_target();

    std::uint64_t count_source() const;  // what waits and dead letters, of all queues
    Task<void> bring(std::function<void(std::uint64_t done)> progress);
    Task<std::vector<QueueComparison>> compare(std::size_t examples_max);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace gatehouse::events
