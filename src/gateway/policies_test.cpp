// SPDX-License-Identifier: Apache-2.0
// The policies of routes in a whole gateway: what is answered before anything is forwarded, and in which order.
#include "gateway/gateway_fixture.hpp"

namespace gatehouse::gateway {
namespace {

class Policies : public testing::GatewayTest {
protected:
    // A route to a service that is not there.
    RouteConfig& add(std::string path, Authentication authentication = Authentication::none)
    {
        RouteConfig route;
        route.path = std::move(path);
        route.upstreams = {"http://127.0.0.1:1"};
        route.authentication = authentication;
        config_.routes.push_back(std::move(route));
        return config_.routes.back();
    }
    http::Response get(std::string target, std::string address = "192.0.2.1", const std::string& user = {})
    {
        auto it = request("GET", std::move(target));
        it.remote_address = std::move(address);
        if (!user.empty())
            it.head.headers.add("authorization", "Bearer " + user);
        return send(it);
    }
    http::Response preflight(std::string target, std::string_view method, std::string_view origin)
    {
        auto it = request("OPTIONS", std::move(target));
        it.head.headers.add("origin", origin);
        it.head.headers.add("access-control-request-method", method);
        return send(it);
    }
};

TEST_F(Policies, ARateLimitSaysWhatIsLeftAndThenRefuses)
{
    add("/a").rate_limit = {.requests = 2, .per = std::chrono::seconds{60}};
    auto first = get("/a");
    EXPECT_EQ(first.headers.find("ratelimit-policy"), R"("address";q=2;w=60)");
    EXPECT_EQ(first.headers.find("ratelimit"), R"("address";r=1;t=30)");
    get("/a");
    auto refused = get("/a");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(code(refused), "too_many_requests");
    EXPECT_EQ(refused.headers.find("retry-after"), "30");
    EXPECT_EQ(refused.headers.find("ratelimit"), R"("address";r=0;t=30)");
    EXPECT_NE(get("/a", "192.0.2.2").status, 429) << "another address";
}

TEST_F(Policies, ALimitOfAddressesComesBeforeTheToken)
{
    add("/a", Authentication::required).rate_limit = {.requests = 1};
    EXPECT_EQ(get("/a", "192.0.2.1", "nonsense").status, 401);
    EXPECT_EQ(get("/a", "192.0.2.1", "nonsense").status, 429);
}

TEST_F(Policies, ALimitOfUsersCountsWhoeverTheyAreFrom)
{
    add("/a", Authentication::required).rate_limit = {.requests = 1, .key = RateLimitKey::user};
    auto anonymous = get("/a", "192.0.2.1");
    EXPECT_EQ(anonymous.status, 401);
    EXPECT_EQ(anonymous.headers.find("ratelimit-policy"), R"("user";q=1;w=60)");
    EXPECT_FALSE(anonymous.headers.contains("ratelimit"));
    EXPECT_NE(get("/a", "192.0.2.1", token({})).status, 429);
    EXPECT_EQ(get("/a", "192.0.2.2", token({})).status, 429);
}

TEST_F(Policies, TheGatewaysLimitIsForRoutesWithoutOne)
{
    config_.rate_limit = {.requests = 2};
    add("/own").rate_limit = {.requests = 5};
    add("/free").rate_limit = {.key = RateLimitKey::none};
    add("/default");
    EXPECT_EQ(get("/default").headers.find("ratelimit-policy"), R"("default";q=2;w=60)");
    EXPECT_EQ(get("/.well-known/jwks.json").status, 200) << "Gatehouse's own count with them";
    EXPECT_EQ(get("/default").status, 429);
    EXPECT_EQ(get("/own").headers.find("ratelimit"), R"("address";r=4;t=12)");
    EXPECT_FALSE(get("/free").headers.contains("ratelimit-policy"));
}

TEST_F(Policies, ALimitGoesOnAcrossAReload)
{
    add("/a").rate_limit = {.requests = 1};
    EXPECT_NE(get("/a").status, 429);
    Config next = config_;
    next.routes.front().body_bytes_max = 7;
    gateway_->reload(next);
    EXPECT_EQ(get("/a").status, 429);
}

TEST_F(Policies, WithoutALimitNothingIsSaid)
{
    add("/a");
    EXPECT_FALSE(get("/a").headers.contains("ratelimit-policy"));
}

TEST_F(Policies, APreflightNeedsNoTokenAndReachesNobody)
{
    auto& route = add("/a", Authentication::required);
    route.methods = {"GET", "PUT"};
    route.cors = {.origins = {"https://app.example.com"}, .headers = {"Authorization"}};
    route.rate_limit = {.requests = 1};
    for (int i = 0; i < 3; ++i) {
        auto answer = preflight("/a/7", "PUT", "https://app.example.com");
        EXPECT_EQ(answer.status, 204);
        EXPECT_EQ(answer.headers.find("access-control-allow-origin"), "https://app.example.com");
        EXPECT_EQ(answer.headers.find("access-control-allow-methods"), "GET, PUT");
    }
    EXPECT_EQ(code(preflight("/a", "PUT", "https://evil.example")), "cors_refused");
    EXPECT_EQ(preflight("/a", "DELETE", "https://app.example.com").status, 405) << "no route takes that";
    auto plain = request("OPTIONS", "/a");
    EXPECT_EQ(send(plain).status, 405);
}

TEST_F(Policies, APreflightOfARouteWithoutCorsIsARequestLikeAnyOther)
{
    add("/a", Authentication::required);
    EXPECT_EQ(preflight("/a", "PUT", "https://app.example.com").status, 401);
    EXPECT_FALSE(preflight("/files", "GET", "https://app.example.com").headers.contains("access-control-allow-origin"));
}

TEST_F(Policies, AnAllowedPageMayReadRefusalsToo)
{
    add("/a", Authentication::required).cors = {.origins = {"https://app.example.com"}, .credentials = true};
    auto it = request("GET", "/a");
    it.head.headers.add("origin", "https://app.example.com");
    auto answer = send(it);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.headers.find("access-control-allow-origin"), "https://app.example.com");
    EXPECT_EQ(answer.headers.find("vary"), "Origin");
    auto other = request("GET", "/a");
    EXPECT_EQ(send(other).headers.find("vary"), "Origin") << "a cache must know";
    EXPECT_FALSE(send(other).headers.contains("access-control-allow-origin"));
}

TEST_F(Policies, MaintenanceIsSaidToEverybodyBeforeTheyLogIn)
{
    add("/a", Authentication::required).maintenance = {
        .enabled = true, .message = "Back at noon.", .retry_after = std::chrono::seconds{90}};
    auto answer = get("/a/b");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(code(answer), "maintenance");
    EXPECT_NE(answer.body.find("Back at noon."), std::string::npos);
    EXPECT_EQ(answer.headers.find("retry-after"), "90");
    EXPECT_EQ(answer.cause, "") << "no error for the log";
}

TEST_F(Policies, AnAmbiguousPathIsRefusedBeforeAnyPolicy)
{
    auto& route = add("/a");
    route.maintenance.enabled = true;
    route.cors.origins = {"*"};
    for (const char* target : {"/a/..;/b", "/a/%252e%252e/b", "/a/%c0%ae%c0%ae/b", "/a//b"}) {
        EXPECT_EQ(get(target).status, 400) << target;
        EXPECT_EQ(preflight(target, "GET", "https://x.example").status, 400) << target;
    }
}

}  // namespace
}  // namespace gatehouse::gateway
