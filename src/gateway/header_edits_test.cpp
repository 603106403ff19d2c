// SPDX-License-Identifier: Apache-2.0
#include "gateway/header_edits.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

TEST(EditedHeaders, AreRemovedSetAndAddedInThisOrder)
{
    http::Headers headers;
    headers.add("x-a", "1");
    headers.add("x-a", "2");
    headers.add("x-b", "1");
    headers.add("x-c", "1");
    HeaderEdits edits({.remove = {"X-C"}, .set = {"X-A: 3", "X-C:4"}, .add = {"X-B: 2, with: colons "}});
    edits.apply(headers);
    EXPECT_EQ(headers.count("x-a"), 1U);
    EXPECT_EQ(headers.find("x-a"), "3");
    EXPECT_EQ(headers.find("x-c"), "4");
    EXPECT_EQ(headers.count("x-b"), 2U);
    EXPECT_EQ(headers[headers.size() - 1].value, "2, with: colons");
}

TEST(EditedHeaders, AreOneFieldEach)
{
    for (const char* bad : {"", "X-A", ": 1", "X A: 1", "X-A : 1", "X-A: 1\r\nX-B: 2", "X-A: \x01"})
        EXPECT_EQ(parse_edited_field(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_edited_field("X-A:")->value, "");
}

TEST(EditedHeaders, LeaveFramingIdentityAndForwardingAlone)
{
    for (const char* name : {"content-length", "transfer-encoding", "connection", "host", "te", "upgrade", "x-user-id",
                             "x-user-roles", "x-gatehouse-forwarded", "x-forwarded-for", "forwarded", "x-real-ip",
                             "x-request-id", "traceparent", "expect", "x-http-method-override", "sec-websocket-key"})
        EXPECT_TRUE(is_protected_request_field(name)) << name;
    for (const char* name : {"content-length", "transfer-encoding", "connection", "content-encoding", "x-request-id",
                             "access-control-allow-origin", "ratelimit", "www-authenticate"})
        EXPECT_TRUE(is_protected_response_field(name)) << name;
    for (const char* name : {"x-version", "accept-language", "cache-control"}) {
        EXPECT_FALSE(is_protected_request_field(name)) << name;
        EXPECT_FALSE(is_protected_response_field(name)) << name;
    }
}

}  // namespace
}  // namespace gatehouse::gateway
