// SPDX-License-Identifier: Apache-2.0
#include "http/trace_exporter.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/timeout.hpp"
#include "http/json_body.hpp"

#include <fmt/format.h>

#include <map>

namespace gatehouse::http {

namespace {

constexpr std::size_t batch_max = 512;
constexpr int attempts_max = 5;  // for one batch
constexpr std::chrono::milliseconds interval{1'000};
constexpr std::chrono::milliseconds backoff_max{10'000};
constexpr std::size_t answer_bytes_max = 64U << 10U;
constexpr int status_error = 2;  // OTLP's STATUS_CODE_ERROR

json::object attribute(std::string_view key, json::object value)
{
    return {{"key", json::string(key)}, {"value", std::move(value)}};
}

json::object text_attribute(std::string_view key, std::string_view value)
{
    return attribute(key, {{"stringValue", json::string(value)}});
}

// 64-bit numbers are texts in OTLP's JSON.
std::string nanoseconds(std::chrono::system_clock::time_point time)
{
    return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

json::object to_json(const SpanData& span)
{
    json::array attributes;
    for (const auto& [name, value] : span.attributes) {
        if (const auto* number = std::get_if<std::int64_t>(&value))
            attributes.push_back(attribute(name, {{"intValue", json::string(std::to_string(*number))}}));
        else
            attributes.push_back(text_attribute(name, std::get<std::string>(value)));
    }
    json::object object{{"traceId", json::string(span.context.trace_id())},
                        {"spanId", json::string(span.context.span_id())},
                        {"name", json::string(span.name)},
                        {"kind", static_cast<int>(span.kind)},
                        {"startTimeUnixNano", json::string(nanoseconds(span.began))},
                        {"endTimeUnixNano", json::string(nanoseconds(span.ended))},
                        {"attributes", std::move(attributes)}};
    if (!span.parent.empty())
        object["parentSpanId"] = json::string(span.parent);
    object["status"] = span.failed ? json::object{{"code", status_error}} : json::object{};
    return object;
}

}  // namespace

std::string to_otlp_json(const std::vector<SpanData>& spans, std::string_view version, std::string_view instance)
{
    std::map<std::string_view, json::array> by_service;
    for (const SpanData& span : spans)
        by_service[span.service].push_back(to_json(span));
    json::array resources;
    for (auto& [service, list] : by_service) {
        json::array resource{text_attribute("service.name", fmt::format("gatehouse-{}", service)),
                             text_attribute("service.namespace", "gatehouse"),
                             text_attribute("service.version", version),
                             text_attribute("service.instance.id", instance)};
        json::object scope{{"scope", json::object{{"name", "gatehouse"}, {"version", json::string(version)}}},
                           {"spans", std::move(list)}};
        json::array scopes;
        scopes.push_back(std::move(scope));
        resources.push_back(json::object{{"resource", json::object{{"attributes", std::move(resource)}}},
                                         {"scopeSpans", std::move(scopes)}});
    }
    return json::serialize(json::object{{"resourceSpans", std::move(resources)}});
}

TraceExporter::TraceExporter(Tracer& tracer, Client& client, Endpoint collector, std::chrono::milliseconds timeout)
    : tracer_(tracer), client_(client), collector_(std::move(collector)), timeout_(timeout), instance_(make_id())
{
    tracer_.on_many([this] { sleeper_.wake(); });
}

Task<void> TraceExporter::run()
{
    auto waker = std::make_shared<Waker>(co_await asio::this_coro::executor);
    WakerPlace::Occupied occupied(sleeper_, waker);
    while (true) {
        auto spans = tracer_.take(batch_max);
        bool more = spans.size() == batch_max;
        if (!spans.empty())
            co_await send_with_retries(std::move(spans));
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        if (!more)
            co_await waker->wait(interval);
    }
}

Task<void> TraceExporter::flush()
{
    auto spans = tracer_.take(batch_max);
    if (spans.empty())
        co_return;
    bool sent = co_await send(spans);
    if (sent)
        tracer_.count_sent(spans.size());
    else
        tracer_.count_lost(spans.size());
}

Task<void> TraceExporter::send_with_retries(std::vector<SpanData> spans)
{
    Backoff backoff(backoff_max);
    for (int attempt = 1; attempt <= attempts_max; ++attempt) {
        bool sent = co_await send(spans);
        if (sent) {
            tracer_.count_sent(spans.size());
            co_return;
        }
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            break;
        if (attempt < attempts_max)
            co_await pause(backoff.next());
    }
    tracer_.count_lost(spans.size());
}

// False when the collector did not take them.
Task<bool> TraceExporter::send(const std::vector<SpanData>& spans)
{
    StringBody body(to_otlp_json(spans, GATEHOUSE_VERSION, instance_));
    Request request;
    request.head.method = "POST";
    request.head.target = "/v1/traces";
    request.head.headers.add("content-type", "application/json");
    request.body = &body;
    std::string failure;
    try {
        auto sending = client_.send(collector_, collector_.authority(), request);
        Response response = co_await with_timeout(std::move(sending), timeout_, "sending spans");
        if (response.status / 100 != 2)
            failure = fmt::format("the collector answered {}", response.status);
        auto reading = read_body(response, answer_bytes_max);
        co_await with_timeout(std::move(reading), timeout_, "reading the collector's answer");
    } catch (const std::exception& error) {
        failure = error.what();
    }
    bool fails = !failure.empty();
    if (fails && !failing_)
        log::warn("tracing", "cannot send spans; will try again, and drop what does not fit", {{"error", failure}});
    failing_ = fails;
    co_return !fails;
}

}  // namespace gatehouse::http
