// SPDX-License-Identifier: Apache-2.0
// What `config check` says about the policies of a route.
#include "gateway/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace gatehouse::gateway {
namespace {

using ::testing::HasSubstr;

struct BadPolicy {
    const char* name;
    std::function<void(RouteConfig&)> set;
    std::string key;
    std::string what;
};

class BadPolicies : public ::testing::TestWithParam<BadPolicy> {};

TEST_P(BadPolicies, AreRefusedWithTheirKey)
{
    RouteConfig route;
    route.path = "/a";
    route.upstreams = {"http://a:1"};
    GetParam().set(route);
    auto errors = find_route_errors(route, {});
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].key, GetParam().key);
    EXPECT_THAT(errors[0].what, HasSubstr(GetParam().what));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadPolicies,
    ::testing::Values(
        BadPolicy{"all_origins_with_credentials",
                  [](RouteConfig& r) { r.cors = {.origins = {"*"}, .credentials = true}; }, "cors.credentials",
                  "every site act as the user"},
        BadPolicy{"origin_with_a_path", [](RouteConfig& r) { r.cors.origins = {"https://a.example/"}; },
                  "cors.origins[0]", "must be an origin"},
        BadPolicy{"origin_null", [](RouteConfig& r) { r.cors.origins = {"null"}; }, "cors.origins[0]",
                  "must be an origin"},
        BadPolicy{"origin_with_the_usual_port", [](RouteConfig& r) { r.cors.origins = {"https://a.example:443"}; },
                  "cors.origins[0]", "must be an origin"},
        BadPolicy{"origin_in_capitals", [](RouteConfig& r) { r.cors.origins = {"https://A.example"}; },
                  "cors.origins[0]", "must be an origin"},
        BadPolicy{"origin_with_a_wildcard", [](RouteConfig& r) { r.cors.origins = {"https://*.example"}; },
                  "cors.origins[0]", "must be an origin"},
        BadPolicy{"star_and_others", [](RouteConfig& r) { r.cors.origins = {"*", "https://a.example"}; },
                  "cors.origins", "* is all of them"},
        BadPolicy{"cors_for_nobody", [](RouteConfig& r) { r.cors.expose = {"X-A"}; }, "cors.origins", "must name"},
        BadPolicy{
            "all_fields_with_credentials",
            [](RouteConfig& r) { r.cors = {.origins = {"https://a.example"}, .headers = {"*"}, .credentials = true}; },
            "cors.headers[0]", "stands for nothing with credentials"},
        BadPolicy{"cors_method_that_the_route_has_not",
                  [](RouteConfig& r) {
                      r.methods = {"GET"};
                      r.cors = {.origins = {"https://a.example"}, .methods = {"PUT"}};
                  },
                  "cors.methods[0]", "none of the route's methods"},
        BadPolicy{
            "kept_too_long",
            [](RouteConfig& r) { r.cors = {.origins = {"https://a.example"}, .max_age = std::chrono::hours{25}}; },
            "cors.max_age", "at most 24h"},
        BadPolicy{"forwarding_field", [](RouteConfig& r) { r.request_headers.set = {"X-Forwarded-For: 1.2.3.4"}; },
                  "request_headers.set[0]", "x-forwarded-for is Gatehouse's to say"},
        BadPolicy{"identity_field", [](RouteConfig& r) { r.request_headers.add = {"X-A: 1", "X-User-Id: root"}; },
                  "request_headers.add[1]", "x-user-id is Gatehouse's to say"},
        BadPolicy{"framing_field", [](RouteConfig& r) { r.request_headers.remove = {"Transfer-Encoding"}; },
                  "request_headers.remove[0]", "is Gatehouse's to say"},
        BadPolicy{"credentials_of_its_own", [](RouteConfig& r) { r.request_headers.set = {"Authorization: Basic x"}; },
                  "request_headers.set[0]", "may be removed only"},
        BadPolicy{"framing_field_of_the_answer", [](RouteConfig& r) { r.response_headers.set = {"Content-Length: 3"}; },
                  "response_headers.set[0]", "is Gatehouse's to say"},
        BadPolicy{"cors_field_of_the_answer",
                  [](RouteConfig& r) { r.response_headers.set = {"Access-Control-Allow-Origin: *"}; },
                  "response_headers.set[0]", "is Gatehouse's to say"},
        BadPolicy{"line_break_in_a_field", [](RouteConfig& r) { r.response_headers.add = {"X-A: 1\r\nX-B: 2"}; },
                  "response_headers.add[0]", "must be `Name: value`"},
        BadPolicy{"field_without_a_colon", [](RouteConfig& r) { r.response_headers.set = {"X-A"}; },
                  "response_headers.set[0]", "must be `Name: value`"},
        BadPolicy{"removed_with_a_value", [](RouteConfig& r) { r.response_headers.remove = {"X-A: 1"}; },
                  "response_headers.remove[0]", "is no name of a field"},
        BadPolicy{"burst_without_a_rate", [](RouteConfig& r) { r.rate_limit.burst = 5; }, "rate_limit.burst",
                  "requests is not"},
        BadPolicy{"limit_and_none", [](RouteConfig& r) { r.rate_limit = {.requests = 5, .key = RateLimitKey::none}; },
                  "rate_limit.requests", "no limit with key: none"},
        BadPolicy{
            "burst_that_never_comes_back",
            [](RouteConfig& r) { r.rate_limit = {.requests = 1, .per = std::chrono::hours{24}, .burst = 1'000'000}; },
            "rate_limit.burst", "longer than 30d"},
        BadPolicy{"users_that_are_not_known",
                  [](RouteConfig& r) {
                      r.authentication = Authentication::none;
                      r.rate_limit = {.requests = 5, .key = RateLimitKey::user};
                  },
                  "rate_limit.key", "authentication: none"},
        BadPolicy{"compression_of_nothing", [](RouteConfig& r) { r.compression = {.enabled = true, .types = {}}; },
                  "compression.types", "must name"},
        BadPolicy{"compression_of_everything", [](RouteConfig& r) { r.compression.types = {"*/*"}; },
                  "compression.types[0]", "must be a media type"},
        BadPolicy{"compression_with_a_parameter",
                  [](RouteConfig& r) { r.compression.types = {"text/html; charset=x"}; }, "compression.types[0]",
                  "must be a media type"},
        BadPolicy{"policy_of_another_proxy",
                  [](RouteConfig& r) {
                      r.forward_auth = true;
                      r.upstreams = {};
                      r.maintenance.enabled = true;
                  },
                  "maintenance", "has no effect with forward_auth"}),
    [](const auto& info) { return info.param.name; });

TEST(GoodPolicies, AreAccepted)
{
    RouteConfig route;
    route.path = "/a";
    route.methods = {"GET", "PUT"};
    route.rate_limit = {.requests = 1'000'000, .per = std::chrono::seconds{1}, .key = RateLimitKey::user};
    route.cors = {
        .origins = {"https://a.example", "http://localhost:5173", "http://[::1]:3000", "capacitor://localhost"},
        .methods = {"PUT"},
        .headers = {"X-A"},
        .expose = {"X-B"},
        .credentials = true};
    route.request_headers = {.remove = {"Authorization", "Cookie"}, .set = {"X-A: 1"}, .add = {"X-B: a: b"}};
    route.response_headers = {.remove = {"Server"}, .set = {"Cache-Control: no-store"}};
    route.maintenance.enabled = true;
    route.compression = {.enabled = true, .types = {"text/*", "application/vnd.api+json"}};
    for (const RouteError& error : find_route_errors(route, {}))
        ADD_FAILURE() << error.key << ": " << error.what;
}

TEST(GatewayRateLimit, IsCheckedToo)
{
    Config config;
    config.rate_limit = {.requests = 0, .burst = 3};
    auto errors = find_gateway_errors(config);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].key, "rate_limit.burst");
}

}  // namespace
}  // namespace gatehouse::gateway
