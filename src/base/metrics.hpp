// SPDX-License-Identifier: Apache-2.0
// The process's metrics in Prometheus' model. Families are made at start; a label set's counter is looked up once and
// kept by its user. Any thread; incrementing is a relaxed atomic.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gatehouse {

class Metrics final {
public:
    using Labels = std::map<std::string, std::string>;

    // The same arguments give the same object. Names: as OpenTelemetry's conventions say where they have one, else
    // gatehouse_<role>_...; base units, counters end in _total. docs/metrics.md lists them all.
    prometheus::Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
    prometheus::Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});

    // Seconds, with the bucket bounds that OpenTelemetry's HTTP conventions name.
    prometheus::Histogram& duration(const std::string& name, const std::string& help, const Labels& labels = {});

    // What keeps its figures by itself and tells them when asked, on any thread.
    void add(std::shared_ptr<const prometheus::Collectable> source);

    // The text exposition format 0.0.4.
    std::string serialize() const;

private:
    prometheus::Registry registry_;
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<const prometheus::Collectable>> sources_;
};

}  // namespace gatehouse
