// SPDX-License-Identifier: Apache-2.0
// Records spans: what the roles did for one request, and when, for a collector of traces.
//
// Whether a trace is recorded is decided where it begins: by the caller's traceparent, else by a ratio. A span that is
// not recorded costs no memory. Finished ones wait in a bounded queue for who sends them (http/trace_exporter.hpp);
// when it is full they are dropped and counted: nobody waits for a collector. Any thread.
#pragma once

#include "base/metrics.hpp"
#include "base/trace_context.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gatehouse {

// The values are OTLP's.
enum class SpanKind { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };

struct SpanData {
    std::string_view service;  // "gateway", "files", ...: static storage
    std::string name;
    SpanKind kind = SpanKind::internal;
    TraceContext context;
    std::string parent;  // the parent span's id; empty for the first one of a trace
    std::chrono::system_clock::time_point began;
    std::chrono::system_clock::time_point ended;
    std::vector<std::pair<std::string_view, std::variant<std::string, std::int64_t>>> attributes;  // static names
    bool failed = false;
};

class Tracer final {
public:
    struct Options {
        double sample_ratio = 1;       // of the traces that begin here
        bool continue_traces = true;   // false: what comes from outside begins a trace of its own
        std::size_t spans_max = 4096;  // finished ones that wait
    };

    // A span in progress. Ends when destroyed. Lives with what it describes, on its thread.
    class Span final {
    public:
        Span() = default;  // not recorded
        Span(Span&& other) noexcept = default;
        Span& operator=(Span&& other) noexcept;
        ~Span() { end(); }

        bool recorded() const { return data_ != nullptr; }
        // For those who go on with the trace; also when this one is not recorded, unless it is a default one.
        const TraceContext& context() const { return context_; }

        // These do nothing when it is not recorded.
        void set_name(std::string name);
        void set(std::string_view name, std::string value);  // `name` has static storage
        void set(std::string_view name, std::int64_t value);
        void fail();
        void end();

        // Within this one and of the same service.
        Span begin_child(SpanKind kind, std::string name) const;

    private:
        friend class Tracer;

        Tracer* tracer_ = nullptr;
        TraceContext context_;
        std::unique_ptr<SpanData> data_;
    };

    Tracer(Options options, Metrics& metrics);

    // For a request from outside, whose traceparent may be anything.
    Span begin_root(std::string_view service, SpanKind kind, std::string name, std::string_view traceparent);

    // For a step of a trace that one of our roles began; not recorded without a trace.
    Span begin_step(std::string_view service, SpanKind kind, std::string name, std::string_view traceparent);

    // At most `count` finished spans, oldest first.
    std::vector<SpanData> take(std::size_t count);
    // Spans that could not be sent, or were.
    void count_lost(std::size_t count) { dropped_.Increment(static_cast<double>(count)); }
    void count_sent(std::size_t count) { exported_.Increment(static_cast<double>(count)); }

    // Called when many wait. Before the first span.
    void on_many(std::function<void()> callback) { on_many_ = std::move(callback); }

private:
    Span make(std::string_view service, SpanKind kind, std::string name, const TraceContext& context,
              std::string_view parent);
    bool draw() const;
    void finish(SpanData data);

    Options options_;
    prometheus::Counter& exported_;
    prometheus::Counter& dropped_;
    std::function<void()> on_many_;
    std::mutex mutex_;
    std::deque<SpanData> finished_;
};

}  // namespace gatehouse
