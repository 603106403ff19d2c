// SPDX-License-Identifier: Apache-2.0
#include "http/trace_exporter.hpp"

#include "base/json.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {
namespace {

TEST(OtlpJson, SaysWhatASpanIsInTheWordsOfTheProtocol)
{
    SpanData span;
    span.service = "files";
    span.name = "POST /upload";
    span.kind = SpanKind::server;
    span.context = *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    span.parent = "00f067aa0ba902b7";
    span.began = std::chrono::system_clock::time_point(std::chrono::seconds{1'700'000'000});
    span.ended = span.began + std::chrono::milliseconds{5};
    span.attributes.emplace_back("http.route", "/upload");
    span.attributes.emplace_back("http.response.status_code", std::int64_t{503});
    span.failed = true;
    auto value = parse_json(to_otlp_json({span}, "1.2.3", "one"));
    ASSERT_TRUE(value) << value.error();
    EXPECT_EQ(json::serialize(*value),
              R"({"resourceSpans":[{"resource":{"attributes":[)"
              R"({"key":"service.name","value":{"stringValue":"gatehouse-files"}},)"
              R"({"key":"service.namespace","value":{"stringValue":"gatehouse"}},)"
              R"({"key":"service.version","value":{"stringValue":"1.2.3"}},)"
              R"({"key":"service.instance.id","value":{"stringValue":"one"}}]},)"
              R"("scopeSpans":[{"scope":{"name":"gatehouse","version":"1.2.3"},"spans":[)"
              R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"POST /upload",)"
              R"("kind":2,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000005000000",)"
              R"("attributes":[{"key":"http.route","value":{"stringValue":"/upload"}},)"
              R"({"key":"http.response.status_code","value":{"intValue":"503"}}],)"
              R"("parentSpanId":"00f067aa0ba902b7","status":{"code":2}}]}]}]})");
}

}  // namespace
}  // namespace gatehouse::http
