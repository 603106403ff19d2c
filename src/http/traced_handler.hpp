// SPDX-License-Identifier: Apache-2.0
// A role's handler with a span for each request that belongs to a recorded trace. The request's traceparent names that
// span while the handler runs, so what the handler announces is part of it. Any I/O thread.
#pragma once

#include "base/tracer.hpp"
#include "http/message.hpp"

#include <string_view>

namespace gatehouse::http {

// `service` is the role's name, in static storage. `tracer` may be nullptr: then it is `handler` itself.
Handler make_traced_handler(Handler handler, std::string_view service, Tracer* tracer);

}  // namespace gatehouse::http
