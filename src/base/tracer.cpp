// SPDX-License-Identifier: Apache-2.0
#include "base/tracer.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <cstring>

namespace gatehouse {

namespace {

constexpr const char* spans_name = "gatehouse_tracing_spans_total";
constexpr const char* spans_help = "Spans that the collector took, or that were dropped.";

}  // namespace

Tracer::Span& Tracer::Span::operator=(Span&& other) noexcept
{
    if (this != &other) {
        end();
        tracer_ = other.tracer_;
        context_ = other.context_;
        data_ = std::move(other.data_);
    }
    return *this;
}

void Tracer::Span::set_name(std::string name)
{
    if (data_)
        data_->name = std::move(name);
}

void Tracer::Span::set(std::string_view name, std::string value)
{
    if (data_ && !value.empty())
        data_->attributes.emplace_back(name, std::move(value));
}

void Tracer::Span::set(std::string_view name, std::int64_t value)
{
    if (data_)
        data_->attributes.emplace_back(name, value);
}

void Tracer::Span::fail()
{
    if (data_)
        data_->failed = true;
}

void Tracer::Span::end()
{
    if (!data_)
        return;
    auto data = std::move(data_);
    data->ended = std::chrono::system_clock::now();
    tracer_->finish(std::move(*data));
}

Tracer::Span Tracer::Span::begin_child(SpanKind kind, std::string name) const
{
    if (!data_)
        return {};
    return tracer_->make(data_->service, kind, std::move(name), context_.make_child(), context_.span_id());
}

Tracer::Tracer(Options options, Metrics& metrics)
    : options_(options), exported_(metrics.counter(spans_name, spans_help, {{"result", "exported"}})),
      dropped_(metrics.counter(spans_name, spans_help, {{"result", "dropped"}}))
{
}

Tracer::Span Tracer::begin_root(std::string_view service, SpanKind kind, std::string name, std::string_view traceparent)
{
    auto parent = options_.continue_traces ? parse_traceparent(traceparent) : std::nullopt;
    if (parent)
        return make(service, kind, std::move(name), parent->make_child(), parent->span_id());
    return make(service, kind, std::move(name), TraceContext::make_root(draw()), {});
}

Tracer::Span Tracer::begin_step(std::string_view service, SpanKind kind, std::string name, std::string_view traceparent)
{
    auto parent = parse_traceparent(traceparent);
    if (!parent || !parent->sampled)
        return {};
    return make(service, kind, std::move(name), parent->make_child(), parent->span_id());
}

Tracer::Span Tracer::make(std::string_view service, SpanKind kind, std::string name, const TraceContext& context,
                          std::string_view parent)
{
    Span span;
    span.tracer_ = this;
    span.context_ = context;
    if (!context.sampled)
        return span;
    span.data_ = std::make_unique<SpanData>();
    span.data_->service = service;
    span.data_->name = std::move(name);
    span.data_->kind = kind;
    span.data_->context = context;
    span.data_->parent = parent;
    span.data_->began = std::chrono::system_clock::now();
    return span;
}

bool Tracer::draw() const
{
    if (options_.sample_ratio >= 1)
        return true;
    std::uint64_t value = 0;
    std::memcpy(&value, random_bytes(sizeof value).data(), sizeof value);
    // The upper 53 bits are what a double tells apart.
    return static_cast<double>(value >> 11U) * 0x1.0p-53 < options_.sample_ratio;
}

void Tracer::finish(SpanData data)
{
    bool many = false;
    {
        std::lock_guard guard(mutex_);
        if (finished_.size() >= options_.spans_max) {
            count_lost(1);
            return;
        }
        finished_.push_back(std::move(data));
        many = finished_.size() == options_.spans_max / 4;
    }
    if (many && on_many_)
        on_many_();
}

std::vector<SpanData> Tracer::take(std::size_t count)
{
    std::lock_guard guard(mutex_);
    auto end = finished_.begin() + static_cast<std::ptrdiff_t>(std::min(count, finished_.size()));
    std::vector<SpanData> taken(std::make_move_iterator(finished_.begin()), std::make_move_iterator(end));
    finished_.erase(finished_.begin(), end);
    return taken;
}

}  // namespace gatehouse
