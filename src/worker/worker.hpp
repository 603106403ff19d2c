// SPDX-License-Identifier: Apache-2.0
// The role `worker`: takes `file.uploaded` events, runs the processors that fit the file's type in a sandbox, and
// stores their results as derived files. Lives on I/O thread 0.
#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/tracer.hpp"
#include "events/event_queue.hpp"
#include "files/file_store.hpp"
#include "worker/config.hpp"

#include <filesystem>
#include <memory>

namespace gatehouse::worker {

class Worker final {
public:
    struct Needs {
        files::FileStore& store;
        events::EventQueue& queue;
        const Clock& clock;
        Metrics& metrics;
        Tracer* tracer = nullptr;  // without one no spans are recorded
    };
    // `scratch` is emptied here: each job gets a directory of its own below it.
    Worker(Config config, Needs needs, std::filesystem::path scratch);
    ~Worker();

    // Consumes until cancelled: running children are killed, their jobs go back to the queue.
    Task<void> run();

    void stop();  // joins its threads, after run() has returned

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::worker
