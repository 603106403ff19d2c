// SPDX-License-Identifier: Apache-2.0
#include "http/traced_handler.hpp"

#include "http/problem.hpp"
#include "http/recorded_body.hpp"
#include "http/request_figures.hpp"

#include <fmt/format.h>

namespace gatehouse::http {

namespace {

// Outlives the requests, as a handler does.
struct Traced {
    Handler handler;
    std::string_view service;
    Tracer& tracer;
};

struct Record {
    Tracer::Span span;

    void tell(std::uint64_t /*bytes*/, bool complete)
    {
        if (!complete)
            span.fail();
        span.end();
    }
};

Task<Response> answer_traced(std::shared_ptr<const Traced> traced, Request& request)
{
    std::string method(to_string(known_method(request.head.method)));
    Record record;
    record.span = traced->tracer.begin_step(traced->service, SpanKind::server, method,
                                            request.head.headers.find("traceparent").value_or(""));
    if (!record.span.recorded())
        co_return co_await answer(traced->handler, request);
    request.head.headers.set("traceparent", record.span.context().to_text());
    record.span.set("http.request.method", method);
    record.span.set("url.path", std::string(request.path()));
    record.span.set("gatehouse.request_id", request.request_id);
    Response response = co_await answer(traced->handler, request);
    if (!request.route.empty()) {
        record.span.set_name(fmt::format("{} {}", method, request.route));
        record.span.set("http.route", std::string(request.route));
    }
    record.span.set("http.response.status_code", response.status);
    if (response.status >= 500) {
        record.span.set("error.type", std::to_string(response.status));
        record.span.fail();
    }
    record_response(response, request.head.method == "HEAD", std::move(record));
    co_return response;
}

}  // namespace

Handler make_traced_handler(Handler handler, std::string_view service, Tracer* tracer)
{
    if (!tracer)
        return handler;
    auto traced = std::make_shared<const Traced>(Traced{std::move(handler), service, *tracer});
    return [traced](Request& request) { return answer_traced(traced, request); };
}

}  // namespace gatehouse::http
