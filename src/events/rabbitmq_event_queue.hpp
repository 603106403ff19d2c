// SPDX-License-Identifier: Apache-2.0
// The event queue on RabbitMQ as its own tests see it: it can be made to die.
#pragma once

#include "events/rabbitmq_broker.hpp"

namespace gatehouse::events {

struct RabbitmqQueue {
    std::unique_ptr<EventQueue> queue;
    Broker* broker;  // the queue's own
};

RabbitmqQueue make_rabbitmq_queue(Broker::Options options, const Clock& clock);

}  // namespace gatehouse::events
