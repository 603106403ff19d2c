// SPDX-License-Identifier: Apache-2.0
#include "events/delivery_span.hpp"

#include <fmt/format.h>

namespace gatehouse::events {

Tracer::Span begin_delivery_span(Tracer* tracer, std::string_view service, std::string_view queue, Delivery& delivery)
{
    Event& event = delivery.event;
    if (!tracer || event.traceparent.empty())
        return {};
    auto span = tracer->begin_step(service, SpanKind::consumer, fmt::format("process {}", queue), event.traceparent);
    if (!span.recorded())
        return span;
    span.set("messaging.system", "gatehouse");
    span.set("messaging.operation.type", "process");
    span.set("messaging.destination.name", std::string(queue));
    span.set("messaging.message.id", event.id);
    span.set("gatehouse.event.type", event.type);
    span.set("gatehouse.event.subject", event.subject);
    span.set("gatehouse.event.attempt", delivery.attempt);
    event.traceparent = span.context().to_text();
    return span;
}

}  // namespace gatehouse::events
