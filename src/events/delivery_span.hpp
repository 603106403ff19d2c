// SPDX-License-Identifier: Apache-2.0
// The span of the work on one event, in the trace of the request that caused the event.
#pragma once

#include "base/tracer.hpp"
#include "events/event_queue.hpp"

#include <string_view>

namespace gatehouse::events {

// Not recorded without a tracer or a recorded trace. From then on the delivery's event names this span, so that what
// is announced or asked because of it comes below it. `service` and `queue` have static storage.
Tracer::Span begin_delivery_span(Tracer* tracer, std::string_view service, std::string_view queue, Delivery& delivery);

}  // namespace gatehouse::events
