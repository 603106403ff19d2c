// SPDX-License-Identifier: Apache-2.0
#include "gateway/trace.hpp"

#include "base/id.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

http::Headers headers_with(std::string_view name, std::string_view value)
{
    http::Headers headers;
    headers.add(name, value);
    return headers;
}

std::string chosen_for(std::string_view sent)
{
    std::string id;
    choose_request_id(headers_with("x-request-id", sent), id);
    return id;
}

TEST(RequestId, KeepsAHarmlessOne) { EXPECT_EQ(chosen_for("abc-1.2_3"), "abc-1.2_3"); }

TEST(RequestId, ReplacesWhatCouldHarmALog)
{
    for (std::string_view sent : {"", "a b", "a\"b", "a\tb"})
        EXPECT_TRUE(is_id(chosen_for(sent))) << sent;
    EXPECT_TRUE(is_id(chosen_for(std::string(65, 'a'))));
}

TEST(Traceparent, KeepsAWellFormedOne)
{
    constexpr std::string_view sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    http::Headers headers = headers_with("traceparent", sent);
    headers.add("tracestate", "vendor=1");
    ensure_traceparent(headers);
    EXPECT_EQ(headers.find("traceparent"), sent);
    EXPECT_EQ(headers.find("tracestate"), "vendor=1");
}

TEST(Traceparent, StartsANewTraceForAMalformedOne)
{
    for (std::string_view sent : {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                                  "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                  "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                  "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                  "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"}) {
        http::Headers headers = headers_with("traceparent", sent);
        headers.add("tracestate", "vendor=1");
        ensure_traceparent(headers);
        EXPECT_NE(headers.find("traceparent"), sent);
        EXPECT_TRUE(is_traceparent(*headers.find("traceparent")));
        EXPECT_FALSE(headers.contains("tracestate")) << "a trace state belongs to its trace";
    }
}

}  // namespace
}  // namespace gatehouse::gateway
