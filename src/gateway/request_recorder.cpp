// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_recorder.hpp"

#include "gateway/access_log.hpp"
#include "gateway/forwarded_body.hpp"
#include "gateway/trace.hpp"
#include "http/recorded_body.hpp"
#include "http/tunnel.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gatehouse::gateway {

namespace {

// What is known of a request when its answer's head is there, and told when the body is.
struct RequestRecord {
    http::ServerMetrics::Active active;
    std::size_t route_number = 0;
    int status = 0;
    std::uint64_t request_bytes = 0;
    AccessLogSampling sampling;
    std::shared_ptr<const ForwardedBody> body_beside;  // which has grown since
    std::optional<AccessRecord> line;                  // with an access log
    Tracer::Span span;

    void tell(std::uint64_t response_bytes, bool complete)
    {
        if (body_beside)
            request_bytes = body_beside->bytes();
        active.count(route_number, status, request_bytes, response_bytes);
        if (span.recorded()) {
            span.set("http.request.body.size", static_cast<std::int64_t>(request_bytes));
            span.set("http.response.body.size", static_cast<std::int64_t>(response_bytes));
            if (!complete)
                span.fail();
            span.end();
        }
        if (!line)
            return;
        line->request_bytes = request_bytes;
        line->response_bytes = response_bytes;
        line->complete = complete;
        if (is_logged(sampling, *line))
            write_access_record(*line);
    }
};

AccessRecord make_line(const http::Request& request, Passage& passage, const http::Response& response)
{
    AccessRecord line;
    line.request_id = request.request_id;
    line.trace_id = find_trace_id(request.head.headers);
    line.remote_address = request.remote_address;
    line.method = std::move(passage.method);
    line.path = std::move(passage.path);
    line.agent = std::move(passage.agent);
    line.scheme = request.scheme;
    line.protocol = http::version_label(request.head.version);
    if (passage.route) {
        line.route = passage.route->name;
        line.upstream = passage.route->upstream->name();
    }
    if (passage.caller)
        line.user = passage.caller->subject;
    line.status = response.status;
    line.began = passage.active.began();
    return line;
}

// After OpenTelemetry's conventions for HTTP servers. Never the query.
void describe(Tracer::Span& span, const http::Request& request, const Passage& passage, int status)
{
    std::string_view method = to_string(passage.active.method());
    if (passage.route) {
        span.set_name(fmt::format("{} {}", method, passage.route->name));
        span.set("http.route", passage.route->name);
    }
    span.set("http.request.method", std::string(method));
    span.set("http.response.status_code", status);
    span.set("url.path", passage.path);
    span.set("url.scheme", request.scheme);
    span.set("client.address", request.remote_address);
    span.set("network.protocol.version", std::string(http::version_label(request.head.version)));
    span.set("user_agent.original", passage.agent);
    span.set("gatehouse.request_id", request.request_id);
    if (passage.caller)
        span.set("user.id", passage.caller->subject);
    if (status >= 500) {
        span.set("error.type", std::to_string(status));
        span.fail();
    }
}

}  // namespace

RequestRecorder::RequestRecorder(const Config& config, const RouteTable& routes, http::ServerMetrics& metrics,
                                 Tracer* tracer)
    : config_(config), metrics_(metrics), tracer_(tracer)
{
    for (const auto& route : routes.routes())
        numbers_.push_back(metrics_.route(route->name));
}

std::size_t RequestRecorder::number_of(const Route* route) const { return route ? numbers_.at(route->index) : 0; }

void RequestRecorder::begin(http::Request& request, Passage& passage) const
{
    passage.active = metrics_.begin(request);
    choose_request_id(request.head.headers, request.request_id);
    if (tracer_)
        passage.span = begin_request_span(*tracer_, request);
    else
        ensure_traceparent(request.head.headers);
    // What the log will say stands in the request only until it is rewritten.
    if (config_.access_log || passage.span.recorded()) {
        passage.method = request.head.method;
        passage.path = request.path();
        passage.agent = request.head.headers.find("user-agent").value_or("");
    }
}

void RequestRecorder::end(const http::Request& request, Passage& passage, http::Response& response) const
{
    response.headers.set("x-request-id", request.request_id);
    bool to_head = passage.active.method() == http::KnownMethod::head;
    if (passage.span.recorded())
        describe(passage.span, request, passage, response.status);
    RequestRecord record{.active = std::move(passage.active),
                         .route_number = number_of(passage.route),
                         .status = response.status,
                         .request_bytes = passage.request_bytes,
                         .sampling = config_.access_log_sampling,
                         .body_beside = std::move(passage.body_beside),
                         .line = std::nullopt,
                         .span = std::move(passage.span)};
    if (config_.access_log)
        record.line = make_line(request, passage, response);
    if (!response.tunnel) {
        http::record_response(response, to_head, std::move(record));
        return;
    }
    response.tunnel->when_closed = [record = std::move(record)](std::uint64_t received, std::uint64_t sent) mutable {
        record.request_bytes = received;
        record.tell(sent, true);
    };
}

}  // namespace gatehouse::gateway
