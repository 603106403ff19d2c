// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_recorder.hpp"

#include "gateway/access_log.hpp"
#include "gateway/trace.hpp"

namespace gatehouse::gateway {

void RequestRecorder::begin(http::Request& request, Passage& passage) const
{
    passage.began = std::chrono::steady_clock::now();
    // What the log will say stands in the request only until it is rewritten.
    if (config_.access_log) {
        passage.method = request.head.method;
        passage.path = request.path();
        passage.agent = request.head.headers.find("user-agent").value_or("");
    }
    request.request_id = choose_request_id(request.head.headers);
    ensure_traceparent(request.head.headers);
}

void RequestRecorder::end(const http::Request& request, Passage& passage, http::Response& response)
{
    response.headers.set("x-request-id", request.request_id);
    metrics_.count(passage.route, response.status, std::chrono::steady_clock::now() - passage.began);
    if (!config_.access_log)
        return;
    AccessRecord record;
    record.request_id = request.request_id;
    record.remote_address = request.remote_address;
    record.method = std::move(passage.method);
    record.path = std::move(passage.path);
    record.agent = std::move(passage.agent);
    if (passage.route) {
        record.route = passage.route->name;
        record.upstream = passage.route->upstream->name();
    }
    if (passage.caller)
        record.user = passage.caller->subject;
    record.status = response.status;
    record.bytes = response.body.size();
    record.began = passage.began;
    if (!response.stream) {
        write_access_record(record);
        return;
    }
    record.bytes = 0;
    response.stream = make_logged_body(std::move(response.stream), std::move(record));
}

}  // namespace gatehouse::gateway
