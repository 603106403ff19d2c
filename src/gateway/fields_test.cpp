// SPDX-License-Identifier: Apache-2.0
#include "gateway/fields.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

struct Rewritten {
    http::Request request;
    Route route;
    http::Headers scratch;

    http::Headers& run(const identity::Claims* claims = nullptr)
    {
        request.request_id = "request-1";
        request.remote_address = "192.0.2.7";
        rewrite_request_fields(request, route, claims, scratch);
        return request.head.headers;
    }
};

TEST(RequestFields, ClientsIdentityNeverPasses)
{
    for (std::string_view name :
         {"x-user-id", "x-user-name", "x-user-roles", "x-user-anything", "x-forwarded-for", "x-forwarded-host",
          "x-forwarded-proto", "x-forwarded-user", "x-real-ip", "forwarded", "x-gatehouse-service",
          "x-auth-request-user", "x-original-url", "x-rewrite-url", "x-http-method-override", "proxy"}) {
        Rewritten it;
        it.request.head.headers.add(name, "forged");
        for (http::Field field : it.run())
            EXPECT_NE(field.value, "forged") << field.name;
    }
}

TEST(RequestFields, TellTheServiceWhoCallsAndFromWhere)
{
    Rewritten it;
    it.request.head.headers.add("Host", "shop.example");
    it.request.head.headers.add("X-User-Id", "forged");
    identity::Claims claims;
    claims.subject = "user-1";
    claims.username = "Zoë, \r\nX-Evil: 1";
    claims.roles = {"user", "editor"};
    http::Headers& headers = it.run(&claims);
    EXPECT_EQ(headers.find("x-user-id"), "user-1");
    EXPECT_EQ(headers.count("x-user-id"), 1U);
    EXPECT_EQ(headers.find("x-user-name"), "Zo%C3%AB, %0D%0AX-Evil: 1");
    EXPECT_EQ(headers.find("x-user-roles"), "user,editor");
    EXPECT_EQ(headers.find("x-request-id"), "request-1");
    EXPECT_EQ(headers.find("x-forwarded-for"), "192.0.2.7");
    EXPECT_EQ(headers.find("x-forwarded-proto"), "http");
    EXPECT_EQ(headers.find("x-forwarded-host"), "shop.example");
}

TEST(RequestFields, HopByHopFieldsEndHere)
{
    Rewritten it;
    for (std::string_view name : {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
                                  "proxy-connection", "proxy-authorization", "expect"})
        it.request.head.headers.add(name, "x");
    it.request.head.headers.add("accept", "text/html");
    http::Headers& headers = it.run();
    for (std::string_view name : {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
                                  "proxy-connection", "proxy-authorization", "expect"})
        EXPECT_FALSE(headers.contains(name)) << name;
    EXPECT_EQ(headers.find("accept"), "text/html");
}

TEST(RequestFields, ConnectionRemovesWhatItNamesButNotWhatDecisionsHangOn)
{
    Rewritten it;
    it.request.head.headers.add("Host", "shop.example");
    it.request.head.headers.add("Authorization", "Bearer t");
    it.request.head.headers.add("X-Custom", "1");
    it.request.head.headers.add("Connection", "close, X-Custom , host,authorization, x-user-id");
    identity::Claims claims;
    claims.subject = "user-1";
    http::Headers& headers = it.run(&claims);
    EXPECT_FALSE(headers.contains("x-custom"));
    EXPECT_EQ(headers.find("host"), "shop.example");
    EXPECT_EQ(headers.find("authorization"), "Bearer t");
    EXPECT_EQ(headers.find("x-user-id"), "user-1");
}

TEST(RequestFields, SessionCookiesStayHereAndOthersPass)
{
    Rewritten it;
    it.request.head.headers.add("Cookie", "theme=dark; __Host-gatehouse=secret; __Host-gatehouse-refresh=secret2");
    EXPECT_EQ(it.run().find("cookie"), "theme=dark");
}

TEST(RequestFields, TheConsoleKeepsItsCookies)
{
    Rewritten it;
    it.route.keeps_session_cookies = true;
    it.request.head.headers.add("Cookie", "__Host-gatehouse=secret");
    EXPECT_EQ(it.run().find("cookie"), "__Host-gatehouse=secret");
}

TEST(ResponseFields, HopByHopFieldsEndHere)
{
    http::Headers headers;
    headers.add("Connection", "keep-alive, X-Internal");
    headers.add("Keep-Alive", "timeout=5");
    headers.add("X-Internal", "1");
    headers.add("Set-Cookie", "a=1");
    headers.add("Set-Cookie", "b=2");
    rewrite_response_fields(headers);
    EXPECT_EQ(headers.size(), 2U);
    EXPECT_EQ(headers.count("set-cookie"), 2U);
}

TEST(ResponseFields, TheOthersStayAsTheyAre)
{
    http::Headers headers;
    headers.add("Content-Type", "text/plain");
    headers.add("Connection", "close");
    headers.add("Transfer-Encoding", "chunked");
    headers.add("ETag", "\"a\"");
    rewrite_response_fields(headers);
    EXPECT_EQ(headers.size(), 2U);
    EXPECT_EQ(headers.find("content-type"), "text/plain");
    EXPECT_EQ(headers.find("etag"), "\"a\"");
}

}  // namespace
}  // namespace gatehouse::gateway
