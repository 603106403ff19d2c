// SPDX-License-Identifier: Apache-2.0
#include "gateway/trace.hpp"

#include "base/id.hpp"
#include "base/trace_context.hpp"
#include "http/request_figures.hpp"

#include <algorithm>

namespace gatehouse::gateway {

namespace {

constexpr std::size_t request_id_bytes_max = 64;

bool is_request_id(std::string_view text)
{
    auto harmless = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !text.empty() && text.size() <= request_id_bytes_max && std::ranges::all_of(text, harmless);
}

std::string_view known_method_of(const http::Request& request)
{
    return to_string(http::known_method(request.head.method));
}

}  // namespace

void choose_request_id(const http::Headers& headers, std::string& id)
{
    auto sent = headers.find("x-request-id");
    if (sent && is_request_id(*sent))
        id = *sent;
    else
        assign_new_id(id);
}

bool is_traceparent(std::string_view text) { return parse_traceparent(text).has_value(); }

std::string_view find_trace_id(const http::Headers& headers)
{
    std::string_view text = headers.find("traceparent").value_or("");
    return is_traceparent(text) ? text.substr(3, 32) : std::string_view();
}

void ensure_traceparent(http::Headers& headers)
{
    auto sent = headers.find("traceparent");
    if (sent && is_traceparent(*sent) && headers.count("traceparent") == 1)
        return;
    TraceContext::Text text;
    TraceContext::make_root(true).write(text);
    headers.set("traceparent", {text.data(), text.size()});
    // A trace state belongs to the trace that it came with.
    headers.remove("tracestate");
}

Tracer::Span begin_request_span(Tracer& tracer, http::Request& request)
{
    http::Headers& headers = request.head.headers;
    bool one = headers.count("traceparent") == 1;
    std::string_view sent = one ? headers.find("traceparent").value_or("") : std::string_view();
    auto span = tracer.begin_root("gateway", SpanKind::server, std::string(known_method_of(request)), sent);
    // A trace state belongs to the trace that it came with.
    if (find_trace_id(headers) != span.context().trace_id())
        headers.remove("tracestate");
    headers.set("traceparent", span.context().to_text());
    return span;
}

Tracer::Span begin_call_span(const Tracer::Span& within, http::Request& request, const http::Upstream& upstream)
{
    auto span = within.begin_child(SpanKind::client, std::string(known_method_of(request)));
    if (!span.recorded())
        return span;
    span.set("http.request.method", std::string(known_method_of(request)));
    span.set("gatehouse.upstream", upstream.name());
    if (upstream.endpoints()) {
        bool http2 = upstream.endpoints()->options().protocol == http::Protocol::http2;
        span.set("network.protocol.version", std::string(http2 ? "2" : "1.1"));
    }
    request.head.headers.set("traceparent", span.context().to_text());
    return span;
}

void end_call_span(Tracer::Span& span, const http::Response& response)
{
    if (!span.recorded())
        return;
    span.set("http.response.status_code", response.status);
    if (response.status >= 400) {
        span.set("error.type", std::to_string(response.status));
        span.fail();
    }
    span.end();
}

}  // namespace gatehouse::gateway
