// SPDX-License-Identifier: Apache-2.0
#include "base/tracer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse {
namespace {

constexpr std::string_view sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view not_sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

TEST(TraceContext, ComesBackFromItsText)
{
    auto context = parse_traceparent(sampled);
    ASSERT_TRUE(context);
    EXPECT_EQ(context->trace_id(), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(context->span_id(), "b7ad6b7169203331");
    EXPECT_TRUE(context->sampled);
    EXPECT_EQ(context->to_text(), sampled);
    EXPECT_FALSE(parse_traceparent(not_sampled)->sampled);
    auto root = TraceContext::make_root(true);
    EXPECT_EQ(parse_traceparent(root.to_text()), root);
}

TEST(TraceContext, AChildIsAnotherSpanOfTheTrace)
{
    auto root = TraceContext::make_root(true);
    auto child = root.make_child();
    EXPECT_EQ(child.trace_id(), root.trace_id());
    EXPECT_NE(child.span_id(), root.span_id());
}

class TracerTest : public ::testing::Test {
protected:
    Tracer& tracer(Tracer::Options options = {}) { return tracer_.emplace(options, metrics_); }

    Metrics metrics_;
    std::optional<Tracer> tracer_;
};

TEST_F(TracerTest, ASpanBelongsToTheTraceOfItsCaller)
{
    Tracer& it = tracer();
    auto span = it.begin_root("gateway", SpanKind::server, "GET", sampled);
    span.set("http.route", "/files");
    auto call = span.begin_child(SpanKind::client, "GET");
    std::string call_id(call.context().span_id());
    std::string span_id(span.context().span_id());
    call.end();
    span.end();
    auto spans = it.take(10);
    ASSERT_EQ(spans.size(), 2u);
    EXPECT_EQ(spans[0].context.span_id(), call_id);
    EXPECT_EQ(spans[0].parent, span_id);
    EXPECT_EQ(spans[1].parent, "b7ad6b7169203331");
    EXPECT_EQ(spans[1].context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(spans[1].attributes.size(), 1u);
    EXPECT_GE(spans[1].ended, spans[1].began);
}

TEST_F(TracerTest, WhatTheCallerDoesNotRecordIsNotRecordedHere)
{
    Tracer& it = tracer();
    auto span = it.begin_root("gateway", SpanKind::server, "GET", not_sampled);
    EXPECT_FALSE(span.recorded());
    EXPECT_EQ(span.context().trace_id(), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_FALSE(span.context().sampled);
    EXPECT_FALSE(it.begin_step("files", SpanKind::server, "GET", span.context().to_text()).recorded());
    EXPECT_FALSE(it.begin_step("files", SpanKind::server, "GET", "").recorded());
    EXPECT_FALSE(span.begin_child(SpanKind::client, "GET").recorded());
}

TEST_F(TracerTest, ClientsTracesAreNotGoneOnWithWhereTheyMustNotBe)
{
    Tracer& it = tracer({.continue_traces = false});
    auto span = it.begin_root("gateway", SpanKind::server, "GET", sampled);
    EXPECT_TRUE(span.recorded());
    EXPECT_NE(span.context().trace_id(), "0af7651916cd43dd8448eb211c80319c");
}

TEST_F(TracerTest, TheRatioIsThePartOfNewTracesThatAreRecorded)
{
    Tracer& it = tracer({.sample_ratio = 0.25, .spans_max = 100'000});
    int recorded = 0;
    for (int i = 0; i < 10'000; ++i)
        recorded += it.begin_root("gateway", SpanKind::server, "GET", "").recorded() ? 1 : 0;
    EXPECT_NEAR(recorded, 2500, 300);
}

TEST_F(TracerTest, WhatDoesNotFitIsDroppedAndCounted)
{
    Tracer& it = tracer({.spans_max = 100});
    for (int i = 0; i < 150; ++i)
        it.begin_root("gateway", SpanKind::server, "GET", "");
    EXPECT_EQ(it.take(1'000).size(), 100u);
    EXPECT_THAT(metrics_.serialize(), ::testing::HasSubstr(R"(gatehouse_tracing_spans_total{result="dropped"} 50)"));
}

}  // namespace
}  // namespace gatehouse
