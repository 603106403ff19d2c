// SPDX-License-Identifier: Apache-2.0
// How many events wait in each queue, and how many are dead letters: asked now and then, for the queue may be a server.
//
// Lives on one I/O thread. The figures of a queue on a server are the same in every process that reports them.
#pragma once

#include "base/metrics.hpp"
#include "base/task.hpp"
#include "events/event_queue.hpp"

#include <string>
#include <vector>

namespace gatehouse::app {

class QueueMetrics final {
public:
    // Both outlive it.
    QueueMetrics(events::EventQueue& queue, Metrics& metrics);

    // Runs until cancelled.
    Task<void> run();

private:
    struct Figures {
        std::string queue;
        prometheus::Gauge& depth;
        prometheus::Gauge& dead;
    };
    Task<void> update(Figures& figures);

    events::EventQueue& queue_;
    std::vector<Figures> figures_;
};

}  // namespace gatehouse::app
