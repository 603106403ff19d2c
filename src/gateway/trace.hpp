// SPDX-License-Identifier: Apache-2.0
// The two identifiers by which a request is followed through services: X-Request-Id and W3C Trace Context's
// traceparent.
#pragma once

#include "http/message.hpp"

#include <string>
#include <string_view>

namespace gatehouse::gateway {

// The client's X-Request-Id when it is short and harmless (at most 64 of [A-Za-z0-9._-]), else a new id.
std::string choose_request_id(const http::Headers& headers);

// True for a traceparent of version 00 with non-zero ids.
bool is_traceparent(std::string_view text);

// The trace's id in the headers' traceparent; empty without a well-formed one.
std::string_view find_trace_id(const http::Headers& headers);

// Leaves exactly one well-formed traceparent in the headers: the client's, or a new root.
void ensure_traceparent(http::Headers& headers);

}  // namespace gatehouse::gateway
