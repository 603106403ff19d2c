// SPDX-License-Identifier: Apache-2.0
#include "gateway/cors.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

http::Request preflight(std::string_view origin, std::string_view method = "PUT")
{
    http::Request request;
    request.head.method = "OPTIONS";
    request.head.target = "/a";
    request.head.headers.add("origin", origin);
    request.head.headers.add("access-control-request-method", method);
    return request;
}

const CorsConfig config{.origins = {"https://app.example.com", "https://other.example.com:8443"},
                        .headers = {"Authorization", "X-Version"},
                        .expose = {"X-Total"},
                        .credentials = true};

TEST(CorsPolicy, KnowsAPreflight)
{
    EXPECT_EQ(find_preflight_method(preflight("https://a").head), "PUT");
    http::RequestHead plain;
    plain.method = "OPTIONS";
    plain.headers.add("origin", "https://a");
    EXPECT_EQ(find_preflight_method(plain), std::nullopt);
    http::RequestHead get = preflight("https://a").head;
    get.method = "GET";
    EXPECT_EQ(find_preflight_method(get), std::nullopt);
}

TEST(CorsPolicy, TellsAnAllowedOriginWhatItMayDo)
{
    auto answer = Cors(config, {"GET", "PUT"}).answer_preflight(preflight("https://app.example.com"));
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.headers.find("access-control-allow-origin"), "https://app.example.com");
    EXPECT_EQ(answer.headers.find("access-control-allow-methods"), "GET, PUT");
    EXPECT_EQ(answer.headers.find("access-control-allow-headers"), "Authorization, X-Version");
    EXPECT_EQ(answer.headers.find("access-control-allow-credentials"), "true");
    EXPECT_EQ(answer.headers.find("access-control-max-age"), "600");
    EXPECT_EQ(answer.headers.find("vary"), "Origin");
}

TEST(CorsPolicy, RefusesAnotherOrigin)
{
    for (const char* origin : {"https://evil.example", "https://app.example.com.evil.example", "http://app.example.com",
                               "null", "", "https://app.example.com:443", "https://APP.example.com"}) {
        auto answer = Cors(config, {}).answer_preflight(preflight(origin));
        EXPECT_EQ(answer.status, 403) << origin;
        EXPECT_FALSE(answer.headers.contains("access-control-allow-origin")) << origin;
        EXPECT_EQ(answer.headers.find("vary"), "Origin");
    }
}

TEST(CorsPolicy, ReplacesWhatTheServiceSays)
{
    http::Headers headers;
    headers.add("access-control-allow-origin", "*");
    headers.add("access-control-allow-credentials", "true");
    headers.add("access-control-expose-headers", "X-Secret");
    Cors cors(config, {});
    cors.set_fields(headers, "https://evil.example");
    EXPECT_FALSE(headers.contains("access-control-allow-origin"));
    EXPECT_FALSE(headers.contains("access-control-allow-credentials"));
    cors.set_fields(headers, "https://other.example.com:8443");
    EXPECT_EQ(headers.find("access-control-allow-origin"), "https://other.example.com:8443");
    EXPECT_EQ(headers.find("access-control-expose-headers"), "X-Total");
}

TEST(CorsPolicy, AllOriginsNeedNoVary)
{
    http::Headers headers;
    Cors cors({.origins = {"*"}, .headers = {"*"}}, {});
    cors.set_fields(headers, "https://anything.example");
    EXPECT_EQ(headers.find("access-control-allow-origin"), "*");
    EXPECT_FALSE(headers.contains("vary"));
    EXPECT_FALSE(headers.contains("access-control-allow-credentials"));
    auto answer = cors.answer_preflight(preflight("https://anything.example"));
    EXPECT_EQ(answer.headers.find("access-control-allow-methods"), "GET, POST, PUT, PATCH, DELETE");
    EXPECT_EQ(answer.headers.find("access-control-allow-headers"), "*, authorization");
}

}  // namespace
}  // namespace gatehouse::gateway
