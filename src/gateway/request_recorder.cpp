// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_recorder.hpp"

#include "gateway/access_log.hpp"
#include "gateway/trace.hpp"
#include "http/recorded_body.hpp"

#include <optional>
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
    std::optional<AccessRecord> line;  // with an access log

    void tell(std::uint64_t response_bytes, bool complete)
    {
        active.count(route_number, status, request_bytes, response_bytes);
        if (!line)
            return;
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
    line.request_bytes = passage.request_bytes;
    line.began = passage.active.began();
    return line;
}

}  // namespace

RequestRecorder::RequestRecorder(const Config& config, const RouteTable& routes, http::ServerMetrics& metrics)
    : config_(config), metrics_(metrics)
{
    for (const auto& route : routes.routes())
        numbers_.push_back(metrics_.route(route->name));
}

std::size_t RequestRecorder::number_of(const Route* route) const { return route ? numbers_.at(route->index) : 0; }

void RequestRecorder::begin(http::Request& request, Passage& passage) const
{
    passage.active = metrics_.begin(request);
    // What the log will say stands in the request only until it is rewritten.
    if (config_.access_log) {
        passage.method = request.head.method;
        passage.path = request.path();
        passage.agent = request.head.headers.find("user-agent").value_or("");
    }
    request.request_id = choose_request_id(request.head.headers);
    ensure_traceparent(request.head.headers);
}

void RequestRecorder::end(const http::Request& request, Passage& passage, http::Response& response) const
{
    response.headers.set("x-request-id", request.request_id);
    bool to_head = passage.active.method() == http::KnownMethod::head;
    RequestRecord record{.active = std::move(passage.active),
                         .route_number = number_of(passage.route),
                         .status = response.status,
                         .request_bytes = passage.request_bytes,
                         .sampling = config_.access_log_sampling,
                         .line = std::nullopt};
    if (config_.access_log)
        record.line = make_line(request, passage, response);
    http::record_response(response, to_head, std::move(record));
}

}  // namespace gatehouse::gateway
