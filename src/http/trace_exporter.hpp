// SPDX-License-Identifier: Apache-2.0
// Sends finished spans to a collector, as OTLP over HTTP in its JSON form. Lives on one I/O thread, with its client.
//
// One batch is on its way at a time. A collector that is away is tried again with growing pauses; meanwhile the
// tracer's queue fills and drops. Nothing of ours waits for it.
#pragma once

#include "base/tracer.hpp"
#include "base/waker.hpp"
#include "http/client.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace gatehouse::http {

// One OTLP ExportTraceServiceRequest.
std::string to_otlp_json(const std::vector<SpanData>& spans, std::string_view version, std::string_view instance);

class TraceExporter final {
public:
    // All outlive it. `collector` is its address without the path of traces.
    TraceExporter(Tracer& tracer, Client& client, Endpoint collector, std::chrono::milliseconds timeout);
    ~TraceExporter() { tracer_.on_many(nullptr); }
    TraceExporter(const TraceExporter&) = delete;
    TraceExporter& operator=(const TraceExporter&) = delete;

    // Runs until cancelled.
    Task<void> run();

    // Sends what waits, once: when the process ends.
    Task<void> flush();

private:
    Task<bool> send(const std::vector<SpanData>& spans);
    Task<void> send_with_retries(std::vector<SpanData> spans);

    Tracer& tracer_;
    Client& client_;
    Endpoint collector_;
    std::chrono::milliseconds timeout_;
    std::string instance_;
    WakerPlace sleeper_;
    bool failing_ = false;  // logged once for each time it begins
};

}  // namespace gatehouse::http
