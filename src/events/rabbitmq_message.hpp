// SPDX-License-Identifier: Apache-2.0
// Events as messages of RabbitMQ. A message in a queue is a copy of an event with the number of attempts that failed so
// far; the broker adds how often it gave this copy to somebody who went away.
#pragma once

#include "events/amqp_connection.hpp"
#include "events/event_queue.hpp"

#include <cstdint>
#include <string>

namespace gatehouse::events {

// Throws std::invalid_argument for an event that no consumer could read.
AmqpMessage to_message(const Event& event);

// As another queue held it: its text form, after so many failed attempts. One that cannot be read has no type.
AmqpMessage to_message(std::string event_id, std::string body, std::int64_t failed_attempts);
struct Failure {
    std::string reason;
    TimePoint at;
};
AmqpMessage to_dead_message(std::string event_id, std::string body, std::int64_t attempts, const Failure& last);

// What a message in a work queue says.
struct Copy {
    explicit Copy(AmqpMessage from);

    // The same for the same copy, however often it is delivered.
    std::string key() const;

    int attempt() const;  // counts from 1

    // The same event with another number of failed attempts.
    AmqpMessage again(std::int64_t failed_attempts) const;
    // As it is put among the dead letters.
    AmqpMessage dead(const std::string& reason, TimePoint now) const;

    AmqpMessage message;
    std::int64_t attempts;    // that failed before this copy was made
    std::int64_t deliveries;  // of this copy, to somebody who went away
    std::string revival;      // new for each retry of a dead letter
};

DeadLetter to_dead_letter(const std::string& queue, const AmqpMessage& message);

}  // namespace gatehouse::events
