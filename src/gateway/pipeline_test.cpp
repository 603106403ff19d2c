// SPDX-License-Identifier: Apache-2.0
// The gateway as a whole, with handlers in the place of the services behind it.
#include "gateway/gateway_fixture.hpp"
#include "gateway/path.hpp"
#include "gateway/route_table.hpp"

namespace gatehouse::gateway {
namespace {

using testing::GatewayTest;

TEST_F(GatewayTest, ForwardsWithIdentityAndStripsTheClientsOwn)
{
    auto it = request("GET", "/files?limit=3");
    it.head.headers.add("authorization", "Bearer " + token({"files:read"}));
    it.head.headers.add("x-user-id", "forged");
    auto response = send(it);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "served");
    EXPECT_TRUE(response.headers.contains("x-request-id"));
    EXPECT_FALSE(response.headers.contains("connection"));
    EXPECT_EQ(files_.seen.target, "/files?limit=3");
    EXPECT_EQ(files_.seen.headers.count("x-user-id"), 1U);
    EXPECT_EQ(files_.seen.headers.find("x-user-id"), "0190163d-8694-739b-aea5-966c26f8ad91");
    EXPECT_TRUE(files_.seen.headers.contains("traceparent"));
}

TEST_F(GatewayTest, TellsItsOwnRolesAloneWhoTheClientIs)
{
    config_.routes.push_back(
        {.path = "/orders", .upstreams = {"http://127.0.0.1:1"}, .authentication = Authentication::none});
    auto it = request("POST", "/login");
    it.remote_address = "192.0.2.7";
    it.head.headers.add("x-forwarded-for", "203.0.113.1");
    it.head.headers.add("x-gatehouse-forwarded", "forged");
    send(it);
    EXPECT_EQ(auth_.seen.headers.count("x-gatehouse-forwarded"), 1u);
    http::Request seen;
    seen.head = auth_.seen;
    seen.remote_address = "the gateway's";
    service_key_.take_client_address(seen);
    EXPECT_EQ(seen.remote_address, "192.0.2.7");
    EXPECT_THROW(service_key_.require(seen), http::Problem) << "it opens no internal endpoint";

    auto to_a_service = request("GET", "/orders/1");
    send(to_a_service);
    EXPECT_FALSE(to_a_service.head.headers.contains("x-gatehouse-forwarded"));
}

TEST_F(GatewayTest, WithoutATokenSaysHowToAuthenticate)
{
    auto it = request("GET", "/files");
    auto response = send(it);
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(code(response), "unauthenticated");
    EXPECT_EQ(response.headers.find("www-authenticate"), R"(Bearer realm="gatehouse")");
    EXPECT_EQ(response.headers.find("content-type"), "application/problem+json");
    EXPECT_EQ(files_.calls, 0);
}

TEST_F(GatewayTest, RefusesATamperedToken)
{
    std::string tampered = token({"files:read"});
    tampered[tampered.size() - 10] = tampered[tampered.size() - 10] == 'A' ? 'B' : 'A';
    auto it = request("GET", "/files");
    it.head.headers.add("authorization", "Bearer " + tampered);
    auto response = send(it);
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(code(response), "invalid_token");
    EXPECT_EQ(files_.calls, 0);
}

TEST_F(GatewayTest, AToleratedAnonymousRouteStillRefusesABadToken)
{
    config_.routes.push_back(
        {.path = "/open", .upstreams = {"http://127.0.0.1:9"}, .authentication = Authentication::optional});
    auto it = request("GET", "/open");
    it.head.headers.add("authorization", "Bearer nonsense");
    EXPECT_EQ(send(it).status, 401);
}

TEST_F(GatewayTest, WithoutThePermissionIsForbidden)
{
    auto it = request("GET", "/admin/users");
    it.head.headers.add("authorization", "Bearer " + token({"files:read"}));
    auto response = send(it);
    EXPECT_EQ(response.status, 403);
    EXPECT_EQ(code(response), "insufficient_scope");
    EXPECT_EQ(auth_.calls, 0);
}

TEST_F(GatewayTest, AnEncodedPathCannotPassAPermissionBy)
{
    auto encoded = request("GET", "/%61dmin/users");
    encoded.head.headers.add("authorization", "Bearer " + token({"files:read"}));
    EXPECT_EQ(send(encoded).status, 403);
    auto dotted = request("GET", "/files/../admin/users");
    dotted.head.headers.add("authorization", "Bearer " + token({"files:read"}));
    EXPECT_EQ(send(dotted).status, 400);
    EXPECT_EQ(auth_.calls + files_.calls, 0);
}

TEST_F(GatewayTest, InternalPathsAreNotRouted)
{
    auto it = request("GET", "/internal/users/0190163d-8694-739b-aea5-966c26f8ad91");
    it.head.headers.add("authorization", "Bearer " + token({"*"}));
    EXPECT_EQ(send(it).status, 404);
    EXPECT_EQ(auth_.calls, 0);
}

TEST_F(GatewayTest, NamesTheMethodsThatAPathTakes)
{
    auto it = request("DELETE", "/login");
    auto response = send(it);
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.headers.find("allow"), "POST");
}

TEST_F(GatewayTest, TheSessionCookieWorksForReading)
{
    auto it = request("GET", "/files");
    it.head.headers.add("cookie", "__Host-gatehouse=" + token({"files:read"}));
    EXPECT_EQ(send(it).status, 200);
    EXPECT_TRUE(files_.seen.headers.find("authorization")->starts_with("Bearer "));
    EXPECT_FALSE(files_.seen.headers.contains("cookie"));
}

TEST_F(GatewayTest, TheSessionCookieAloneChangesNothingFromAnotherSite)
{
    auto foreign = request("POST", "/upload");
    foreign.head.headers.add("cookie", "__Host-gatehouse=" + token({"files:write"}));
    foreign.head.headers.add("sec-fetch-site", "cross-site");
    auto response = send(foreign);
    EXPECT_EQ(response.status, 403);
    EXPECT_EQ(code(response), "csrf_rejected");
    auto own = request("POST", "/upload");
    own.head.headers.add("cookie", "__Host-gatehouse=" + token({"files:write"}));
    own.head.headers.add("sec-fetch-site", "same-origin");
    EXPECT_EQ(send(own).status, 200);
}

TEST_F(GatewayTest, RefusesABodyThatIsTooLargeBeforeForwarding)
{
    auto it = request("POST", "/login");
    auto response = send(it, std::string(65 * 1024, 'x'));
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ(auth_.calls, 0);
}

TEST_F(GatewayTest, AServiceThatIsNotThereIsABadGatewayNotACrash)
{
    config_.routes.push_back(
        {.path = "/orders", .upstreams = {"http://127.0.0.1:1"}, .authentication = Authentication::none});
    auto it = request("GET", "/orders/7");
    auto response = send(it);
    EXPECT_GE(response.status, 502);
    EXPECT_EQ(response.headers.find("content-type"), "application/problem+json");
}

TEST_F(GatewayTest, AConfiguredRouteMayNotTakeABuiltInPath)
{
    config_.routes.push_back({.path = "/files/mine", .upstreams = {"http://127.0.0.1:1"}});
    auto it = request("GET", "/");
    EXPECT_THROW(send(it), std::runtime_error);
}

TEST_F(GatewayTest, TheSameRouteTwiceIsRefused)
{
    config_.routes.push_back({.path = "/orders", .upstreams = {"http://127.0.0.1:1"}});
    config_.routes.push_back({.path = "/orders", .upstreams = {"http://127.0.0.1:2"}});
    auto it = request("GET", "/");
    EXPECT_THROW(send(it), std::runtime_error);
}

// A proxy asks about requests to its own services, with nginx' fields.
TEST_F(GatewayTest, CountsRequestsByTheRoutesTemplateNeverByThePath)
{
    auto it = request("GET", "/files/0190163d-8694-739b-aea5-966c26f8ad91");
    it.head.headers.add("authorization", "Bearer " + token({"files:read"}));
    EXPECT_EQ(send(it).status, 200);
    auto unknown = request("BREW", "/secret/path");
    EXPECT_EQ(send(unknown).status, 404);
    std::string text = metrics_.serialize();
    EXPECT_NE(text.find(R"(http_server_request_duration_seconds_count{http_request_method="GET",)"
                        R"(http_response_status_code="200",http_route="/files/{id}",network_protocol_version="1.1",)"
                        R"(url_scheme="http"} 1)"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"(http_request_method="_OTHER",http_response_status_code="404",http_route="")"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"(http_server_active_requests{http_request_method="GET",url_scheme="http"} 0)"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("0190163d"), std::string::npos);
    EXPECT_EQ(text.find("secret"), std::string::npos);
}

class Asked : public GatewayTest {
protected:
    Asked()
    {
        config_.routes.push_back(
            {.path = "/shop", .methods = {"GET"}, .permission = "shop:read", .forward_auth = true});
        config_.routes.push_back(
            {.path = "/shop", .methods = {"POST"}, .permission = "shop:write", .forward_auth = true});
        config_.routes.push_back({.path = "/open", .authentication = Authentication::optional, .forward_auth = true});
        config_.routes.push_back({.path = "/files", .permission = "shop:files", .forward_auth = true});
        config_.routes.push_back({.path = "/orders", .upstreams = {"http://127.0.0.1:1"}, .permission = "orders:read"});
    }
    http::Response ask(std::string_view method, std::string_view uri, const std::string& credentials = {})
    {
        auto it = request("GET", "/validate");
        it.head.headers.add("x-original-method", method);
        it.head.headers.add("x-original-uri", uri);
        if (!credentials.empty())
            it.head.headers.add("authorization", credentials);
        return send(it);
    }
    std::string bearer(std::vector<std::string> permissions) { return "Bearer " + token(std::move(permissions)); }
};

TEST_F(Asked, AnswersWithTheIdentityOfWhoMayPass)
{
    auto response = ask("GET", "/shop/7?page=2", bearer({"shop:read"}));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.find("x-user-id"), "0190163d-8694-739b-aea5-966c26f8ad91");
    EXPECT_EQ(response.headers.find("x-user-name"), "ada");
    EXPECT_EQ(response.headers.find("x-user-roles"), "user");
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(auth_.calls, 0);
}

TEST_F(Asked, AsksForThePermissionOfTheOriginalMethodAndPath)
{
    EXPECT_EQ(ask("HEAD", "/shop", bearer({"shop:read"})).status, 200);
    auto refused = ask("POST", "/shop", bearer({"shop:read"}));
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(code(refused), "insufficient_scope");
    EXPECT_EQ(ask("POST", "/shop", bearer({"shop:write"})).status, 200);
    EXPECT_EQ(ask("GET", "/orders/1", bearer({"orders:read"})).status, 200) << "a route with a service, too";
    EXPECT_EQ(ask("GET", "/%73hop", bearer({"orders:read"})).status, 403);
}

TEST_F(Asked, SaysHowToAuthenticate)
{
    auto response = ask("GET", "/shop");
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(response.headers.find("www-authenticate"), R"(Bearer realm="gatehouse")");
    EXPECT_FALSE(response.headers.contains("x-user-id"));
    for (const char* credentials : {"Bearer nonsense", "Bearer a b", "Bearer"})
        EXPECT_EQ(ask("GET", "/shop", credentials).status, 401) << credentials;
}

TEST_F(Asked, LetsNothingThroughThatNoRouteTakes)
{
    for (const char* path : {"/", "/login", "/console/x", "/setup", "/shopping", "/shop/../open", "/upload", "*"}) {
        auto response = ask("GET", path, bearer({"*"}));
        EXPECT_EQ(response.status, 403) << path;
        EXPECT_EQ(code(response), "forward_auth_refused") << path;
    }
    EXPECT_EQ(ask("DELETE", "/shop", bearer({"*"})).status, 403);
}

TEST_F(Asked, KnowsThePathsOfTheOtherProxyOnly)
{
    EXPECT_EQ(ask("GET", "/files/7", bearer({"files:read"})).status, 403);
    EXPECT_EQ(ask("GET", "/files/7", bearer({"shop:files"})).status, 200);
    auto direct = request("GET", "/shop");
    direct.head.headers.add("authorization", bearer({"shop:read"}));
    EXPECT_EQ(send(direct).status, 404) << "the other proxy serves it";
}

TEST_F(Asked, EmptiesTheIdentityOfWhoIsNobody)
{
    auto response = ask("GET", "/open");
    EXPECT_EQ(response.status, 200);
    for (const char* name : {"x-user-id", "x-user-name", "x-user-roles"})
        EXPECT_EQ(response.headers.find(name), "") << name;
}

TEST_F(Asked, TakesThePathInItsOwnPath)
{
    auto it = request("POST", "/validate/shop/7?a=b");
    it.head.headers.add("authorization", bearer({"shop:write"}));
    EXPECT_EQ(send(it).status, 200);
    auto other = request("GET", "/validate/shop/7?a=b");
    other.head.headers.add("authorization", bearer({"shop:write"}));
    EXPECT_EQ(send(other).status, 403);
    auto dotted = request("GET", "/validate/open/../shop");
    EXPECT_EQ(send(dotted).status, 403);
}

TEST_F(Asked, TheSessionCookieCountsAsItDoesForOwnRoutes)
{
    auto it = request("GET", "/validate/shop");
    it.head.headers.add("cookie", "__Host-gatehouse=" + token({"shop:read"}));
    EXPECT_EQ(send(it).status, 200);
    auto foreign = request("POST", "/validate/shop");
    foreign.head.headers.add("cookie", "__Host-gatehouse=" + token({"shop:write"}));
    foreign.head.headers.add("sec-fetch-site", "cross-site");
    EXPECT_EQ(send(foreign).status, 403);
}

TEST_F(Asked, WithoutAnOriginalRequestTellsWhoItIs)
{
    auto it = request("GET", "/validate");
    it.head.headers.add("authorization", bearer({"shop:read"}));
    auto response = send(it);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(find_string(parse_json(response.body)->as_object(), "username"), "ada");
    auto anonymous = request("GET", "/validate");
    EXPECT_EQ(send(anonymous).status, 401);
}

TEST_F(Asked, JudgesByTheHostThatTheProxyNames)
{
    config_.routes.push_back(
        {.path = "/shop", .permission = "vip:read", .forward_auth = true, .hosts = {"vip.example.com"}});
    auto ask_host = [&](std::string_view host, std::vector<std::string> permissions) {
        auto it = request("GET", "/validate");
        it.head.headers.add("x-original-method", "GET");
        it.head.headers.add("x-original-uri", "/shop");
        if (!host.empty())
            it.head.headers.add("x-original-host", host);
        it.head.headers.add("authorization", bearer(std::move(permissions)));
        return send(it);
    };
    EXPECT_EQ(ask_host("VIP.example.com:443", {"vip:read"}).status, 200);
    EXPECT_EQ(ask_host("vip.example.com.", {"shop:read"}).status, 403);
    EXPECT_EQ(ask_host("example.com", {"shop:read"}).status, 200);
    EXPECT_EQ(code(ask_host("", {"shop:read", "vip:read"})), "forward_auth_refused");
}

class Reloaded : public GatewayTest {
protected:
    int status_of(std::string target)
    {
        auto it = request("GET", std::move(target));
        return send(it).status;
    }
    static RouteConfig open_route(std::string path)
    {
        return {.path = std::move(path), .upstreams = {"http://127.0.0.1:1"}, .authentication = Authentication::none};
    }
};

TEST_F(Reloaded, ServesByTheNewRoutesWhenReloadHasReturned)
{
    config_.routes.push_back(open_route("/old"));
    EXPECT_EQ(status_of("/old"), 503);
    EXPECT_EQ(status_of("/new"), 404);
    Config next = config_;
    next.routes = {open_route("/new")};
    gateway_->reload(next);
    EXPECT_EQ(status_of("/old"), 404);
    EXPECT_EQ(status_of("/new"), 503);
}

TEST_F(Reloaded, KeepsTheOldRoutesWhenTheNewOnesContradictEachOther)
{
    config_.routes.push_back(open_route("/old"));
    EXPECT_EQ(status_of("/old"), 503);
    Config next = config_;
    next.routes = {open_route("/new"), open_route("/new")};
    EXPECT_THROW(gateway_->reload(next), std::runtime_error);
    EXPECT_EQ(status_of("/old"), 503);
    EXPECT_EQ(status_of("/new"), 404);
}

TEST_F(Reloaded, ManyTimesLeavesNoOldConfigurationBehind)
{
    EXPECT_EQ(status_of("/old"), 404);
    for (int i = 0; i < 500; ++i)
        gateway_->reload(config_);
    EXPECT_EQ(status_of("/old"), 404);
}

TEST_F(Reloaded, AnAnswerInProgressHoldsItsConfigurationAndTheirNumberIsBounded)
{
    files_.streams = true;
    auto it = request("GET", "/files");
    it.head.headers.add("authorization", "Bearer " + token({"files:read"}));
    std::vector<http::Response> answers;
    auto download_and_reload = [&] {
        answers.push_back(send(it));
        EXPECT_TRUE(answers.back().stream);
        gateway_->reload(config_);
    };
    EXPECT_THROW(for (int i = 0; i < 1000; ++i) download_and_reload(), std::runtime_error);
    EXPECT_GT(answers.size(), 10U);
    answers.clear();
    EXPECT_NO_THROW(gateway_->reload(config_));
}

TEST_F(Reloaded, AnUpstreamWithTheSameSettingsIsTheSame)
{
    config_.routes = {open_route("/same"), open_route("/other")};
    RoleUpstreams roles{auth_up_, files_up_, console_up_};
    RouteTable before(config_, roles, clients_);
    config_.routes[0].permission = "orders:read";
    config_.routes[1].upstreams = {"http://127.0.0.1:2"};
    RouteTable after(config_, roles, clients_, &before);
    auto upstream = [](const RouteTable& table, std::string_view path) {
        return table.match("GET", path).route->upstream;
    };
    EXPECT_EQ(upstream(before, "/same"), upstream(after, "/same"));
    EXPECT_NE(upstream(before, "/other"), upstream(after, "/other"));
}

class Matching : public GatewayTest {
protected:
    std::string name_of(std::string_view method, std::string_view path)
    {
        if (!table_)
            table_ = std::make_unique<RouteTable>(config_, RoleUpstreams{auth_up_, files_up_, console_up_}, clients_);
        auto match = table_->match(method, path);
        return match.route ? match.route->name : match.allow.empty() ? "none" : "405";
    }
    std::unique_ptr<RouteTable> table_;
};

TEST_F(Matching, PrefersTheMoreSpecificRoute)
{
    config_.routes.push_back({.path = "/orders", .upstreams = {"http://127.0.0.1:1"}});
    config_.routes.push_back({.path = "/orders/archive", .upstreams = {"http://127.0.0.1:1"}});
    config_.routes.push_back({.path = "/", .upstreams = {"http://127.0.0.1:1"}});
    EXPECT_EQ(name_of("GET", "/orders"), "/orders/*");
    EXPECT_EQ(name_of("GET", "/orders/"), "/orders/*");
    EXPECT_EQ(name_of("GET", "/orders/7/lines"), "/orders/*");
    EXPECT_EQ(name_of("GET", "/orders/archive/7"), "/orders/archive/*");
    EXPECT_EQ(name_of("GET", "/ordersarchive"), "/*");
    EXPECT_EQ(name_of("GET", "/"), "/");
    EXPECT_EQ(name_of("GET", "/anything/else"), "/*");
}

TEST_F(Matching, BuiltInRoutesAreExact)
{
    EXPECT_EQ(name_of("GET", "/files"), "/files");
    EXPECT_EQ(name_of("GET", "/files/"), "none");
    EXPECT_EQ(name_of("HEAD", "/files/1/content"), "/files/{id}/content");
    EXPECT_EQ(name_of("GET", "/files/1/content/2"), "none");
    EXPECT_EQ(name_of("PUT", "/files/1"), "405");
    EXPECT_EQ(name_of("GET", "/console"), "/console/*");
    EXPECT_EQ(name_of("GET", "/console/assets/index.js"), "/console/*");
    EXPECT_EQ(name_of("get", "/files"), "405");
}

TEST_F(Matching, ACatchAllTakesNoMethodOfABuiltInPath)
{
    config_.routes.push_back({.path = "/", .upstreams = {"http://127.0.0.1:1"}});
    EXPECT_EQ(name_of("PUT", "/files/1"), "405");
    EXPECT_EQ(name_of("PUT", "/elsewhere"), "/*");
}

TEST_F(Matching, AHostOfItsOwnMayTakeEveryPath)
{
    config_.routes.push_back({.path = "/", .upstreams = {"http://127.0.0.1:1"}, .hosts = {"shop.example.com"}});
    auto of = [&](std::string_view host, std::string_view path) {
        if (!table_)
            table_ = std::make_unique<RouteTable>(config_, RoleUpstreams{auth_up_, files_up_, console_up_}, clients_);
        auto match = table_->match({"GET", path, host});
        return match.route ? match.route->name : "none";
    };
    EXPECT_EQ(of("shop.example.com", "/"), "shop.example.com/*");
    EXPECT_EQ(of("shop.example.com", "/files/1"), "shop.example.com/*");
    EXPECT_EQ(of("gate.example.com", "/files/1"), "/files/{id}");
    EXPECT_EQ(of("", "/files/1"), "/files/{id}");
}

}  // namespace
}  // namespace gatehouse::gateway
