// SPDX-License-Identifier: Apache-2.0
// By what a request is followed through services: X-Request-Id, W3C Trace Context's traceparent, and, where spans are
// recorded, the gateway's own. Any I/O thread.
#pragma once

#include "base/tracer.hpp"
#include "http/message.hpp"
#include "http/upstream.hpp"

#include <string>
#include <string_view>

namespace gatehouse::gateway {

// Into `id`: the client's X-Request-Id when it is short and harmless (at most 64 of [A-Za-z0-9._-]), else a new one.
void choose_request_id(const http::Headers& headers, std::string& id);

// True for a traceparent of version 00 with non-zero ids.
bool is_traceparent(std::string_view text);

// The trace's id in the headers' traceparent; empty without a well-formed one.
std::string_view find_trace_id(const http::Headers& headers);

// Leaves exactly one well-formed traceparent in the headers: the client's, or a new root.
void ensure_traceparent(http::Headers& headers);

// With a tracer: the span of the whole request, in the client's trace or a new one; the headers' traceparent names it.
Tracer::Span begin_request_span(Tracer& tracer, http::Request& request);

// The span of the call to the service behind us, which sees it in its traceparent. Costs nothing when `within` is not
// recorded.
Tracer::Span begin_call_span(const Tracer::Span& within, http::Request& request, const http::Upstream& upstream);
void end_call_span(Tracer::Span& span, const http::Response& response);

}  // namespace gatehouse::gateway
