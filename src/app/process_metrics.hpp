// SPDX-License-Identifier: Apache-2.0
// What Prometheus' conventions ask every process to tell: memory, CPU time, open files, start, and our version.
#pragma once

#include "base/metrics.hpp"

#include <mutex>

namespace gatehouse::app {

class ProcessMetrics final {
public:
    explicit ProcessMetrics(Metrics& metrics);

    // Reads /proc/self; called before each scrape. Any thread.
    void update();

private:
    std::mutex mutex_;
    prometheus::Gauge& resident_;
    prometheus::Gauge& virtual_;
    prometheus::Gauge& open_fds_;
    prometheus::Gauge& max_fds_;
    prometheus::Counter& cpu_seconds_;
};

}  // namespace gatehouse::app
