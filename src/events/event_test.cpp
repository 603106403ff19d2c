// SPDX-License-Identifier: Apache-2.0
#include "events/event.hpp"
#include "events/event_queue.hpp"

#include <gtest/gtest.h>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;

Event sample()
{
    Event event;
    event.id = "0197e0c4-1234-7abc-8def-0123456789ab";
    event.type = "file.uploaded";
    event.source = "/files";
    event.subject = "0197e0c4-1234-7abc-8def-0123456789ac";
    event.time = from_unix_ms(1'764'000'000'123);
    event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    event.data = {{"name", "a.mp4"}};
    return event;
}

// sample() with one attribute replaced, as text.
std::string with(std::string_view key, json::value value)
{
    auto object = parse_json(to_json(sample()))->get_object();
    object[key] = std::move(value);
    return json::serialize(object);
}

std::string without(std::string_view key)
{
    auto object = parse_json(to_json(sample()))->get_object();
    object.erase(key);
    return json::serialize(object);
}

}  // namespace

TEST(Event, TextIsCloudEventsStructuredJson)
{
    EXPECT_EQ(to_json(sample()),
              R"({"specversion":"1.0","id":"0197e0c4-1234-7abc-8def-0123456789ab","source":"/files",)"
              R"("type":"file.uploaded","subject":"0197e0c4-1234-7abc-8def-0123456789ac",)"
              R"("time":"2025-11-24T16:00:00.123Z","datacontenttype":"application/json",)"
              R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",)"
              R"("data":{"name":"a.mp4"}})");
}

TEST(Event, TextIsReadBackAsItWas)
{
    EXPECT_EQ(parse_event(to_json(sample())), sample());
    auto bare = sample();
    bare.subject.clear();
    bare.traceparent.clear();
    bare.data.clear();
    EXPECT_EQ(parse_event(to_json(bare)), bare);
}

TEST(Event, ARequiredAttributeMustBeThereAndAString)
{
    for (const char* key : {"specversion", "id", "type", "source", "time"}) {
        EXPECT_FALSE(parse_event(without(key))) << key;
        EXPECT_FALSE(parse_event(with(key, 7))) << key;
        EXPECT_FALSE(parse_event(with(key, ""))) << key;
        EXPECT_FALSE(parse_event(with(key, nullptr))) << key;
    }
    for (const char* key : {"subject", "traceparent"})
        EXPECT_FALSE(parse_event(with(key, 7))) << key;
    EXPECT_FALSE(parse_event(with("id", json::string(std::string(2000, 'x')))));
    EXPECT_FALSE(parse_event(with("specversion", "0.3")));
    EXPECT_FALSE(parse_event(with("data", "text")));
}

TEST(Event, OptionalAndUnknownAttributesMayBeMissingOrThere)
{
    EXPECT_EQ(parse_event(without("subject"))->subject, "");
    EXPECT_EQ(parse_event(without("traceparent"))->traceparent, "");
    EXPECT_TRUE(parse_event(without("data"))->data.empty());
    EXPECT_EQ(parse_event(with("tracestate", "x=y")), sample());
}

TEST(Event, WhatIsNoEventIsRefusedWithASentence)
{
    for (const char* text : {"", "null", "[]", "{}", "{\"id\":", "\"x\"", "{\"id\":\"a\",\"id\":\"b\"}"}) {
        auto event = parse_event(text);
        ASSERT_FALSE(event) << text;
        EXPECT_FALSE(event.error().empty()) << text;
    }
}

struct TimeCase {
    const char* text;
    std::optional<std::int64_t> ms;
};

class EventTime : public ::testing::TestWithParam<TimeCase> {};

TEST_P(EventTime, IsRfc3339)
{
    auto event = parse_event(with("time", GetParam().text));
    ASSERT_EQ(event.has_value(), GetParam().ms.has_value());
    if (event)
        EXPECT_EQ(to_unix_ms(event->time), *GetParam().ms);
}

INSTANTIATE_TEST_SUITE_P(
    Table, EventTime,
    ::testing::Values(TimeCase{"1970-01-01T00:00:00Z", 0}, TimeCase{"1970-01-01T00:00:01.5Z", 1500},
                      TimeCase{"1970-01-01T00:00:01.123456789Z", 1123}, TimeCase{"1970-01-01T01:00:00+01:00", 0},
                      TimeCase{"1969-12-31T23:30:00.007-00:30", 7}, TimeCase{"2024-02-29T12:00:00Z", 1'709'208'000'000},
                      TimeCase{"2025-02-29T12:00:00Z", {}}, TimeCase{"2025-13-01T12:00:00Z", {}},
                      TimeCase{"2025-01-01T24:00:00Z", {}}, TimeCase{"2025-01-01T12:60:00Z", {}},
                      TimeCase{"2025-01-01T12:00:61Z", {}}, TimeCase{"2025-01-01T12:00:00", {}},
                      TimeCase{"2025-01-01T12:00:00.Z", {}}, TimeCase{"2025-01-01T12:00:00ZZ", {}},
                      TimeCase{"2025-01-01T12:00:00+1:00", {}}, TimeCase{"2025-01-01T12:00:00+24:00", {}},
                      TimeCase{"2025-01-01 12:00:00Z", {}}, TimeCase{"25-01-01T12:00:00Z", {}},
                      TimeCase{"tomorrow", {}}));

TEST(Bindings, EachTypeGoesWhereItIsWanted)
{
    EXPECT_EQ(queues_for("file.uploaded"), std::vector<std::string>{"worker"});
    for (const char* type : {"file.processed", "file.failed", "user.invited", "user.email_changed",
                             "user.password_reset_requested", "user.registration_refused"})
        EXPECT_EQ(queues_for(type), std::vector<std::string>{"notifier"}) << type;
    EXPECT_TRUE(queues_for("file.deleted").empty());
    EXPECT_TRUE(queues_for("").empty());
}

TEST(RetryDelay, DoublesUpToItsMaximum)
{
    Retry retry{.attempts_max = 5, .delay_first = milliseconds{1'000}, .delay_max = milliseconds{5'000}};
    EXPECT_EQ(delay_after(retry, 1), milliseconds{1'000});
    EXPECT_EQ(delay_after(retry, 2), milliseconds{2'000});
    EXPECT_EQ(delay_after(retry, 3), milliseconds{4'000});
    EXPECT_EQ(delay_after(retry, 4), milliseconds{5'000});
    EXPECT_EQ(delay_after(retry, 1'000'000), milliseconds{5'000});
}

}  // namespace gatehouse::events
