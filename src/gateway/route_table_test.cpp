// SPDX-License-Identifier: Apache-2.0
// Which of the configured routes takes a request. Gatehouse's own are in pipeline_test.cpp.
#include "gateway/route_table.hpp"

#include "gateway/host.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

class RouteOrder : public ::testing::Test {
protected:
    // A route whose permission is its name here.
    RouteConfig& add(std::string name, std::string path)
    {
        RouteConfig route;
        route.path = std::move(path);
        route.permission = std::move(name);
        config_.routes.push_back(std::move(route));
        return config_.routes.back();
    }
    std::string who(std::string_view method, std::string_view path, std::string_view host = {},
                    std::initializer_list<http::Field> fields = {})
    {
        if (!table_)
            table_.emplace(config_);
        http::Headers headers;
        for (http::Field field : fields)
            headers.add(field.name, field.value);
        auto match = table_->match({method, path, host, &headers});
        return match.route ? match.route->permission : match.allow.empty() ? "nobody" : match.allow;
    }

    Config config_;
    std::optional<RouteTable> table_;
};

TEST_F(RouteOrder, AnExactPathGoesBeforeAParameterAndBothBeforePrefixes)
{
    add("short", "/orders");
    add("long", "/orders/archive");
    add("parameter", "/orders/{id}").match = PathMatch::exact;
    add("exact", "/orders/archive").match = PathMatch::exact;
    add("below", "/orders/{id}/lines");
    EXPECT_EQ(who("GET", "/orders"), "short");
    EXPECT_EQ(who("GET", "/orders/7"), "parameter");
    EXPECT_EQ(who("GET", "/orders/archive"), "exact");
    EXPECT_EQ(who("GET", "/orders/archive/7"), "long");
    EXPECT_EQ(who("GET", "/orders/7/8"), "short");
    EXPECT_EQ(who("GET", "/orders/7/lines/1"), "below");
    EXPECT_EQ(who("GET", "/orders/archive/lines"), "below") << "the longer prefix";
    EXPECT_EQ(who("GET", "/order"), "nobody");
}

TEST_F(RouteOrder, NothingTakesAStar)
{
    add("all", "/");
    EXPECT_EQ(who("GET", "/"), "all");
    EXPECT_EQ(who("OPTIONS", "*"), "nobody");
}

TEST_F(RouteOrder, ATrailingSlashIsBelowAPrefixAndNoExactPath)
{
    add("prefix", "/a");
    add("exact", "/b").match = PathMatch::exact;
    add("parameter", "/c/{x}").match = PathMatch::exact;
    EXPECT_EQ(who("GET", "/a/"), "prefix");
    EXPECT_EQ(who("GET", "/b/"), "nobody");
    EXPECT_EQ(who("GET", "/c/"), "nobody") << "a parameter is not empty";
    EXPECT_EQ(who("GET", "/c/1/"), "nobody");
}

TEST_F(RouteOrder, TheFirstSegmentThatDiffersDecidesBetweenParameters)
{
    add("late", "/x/{a}/c").match = PathMatch::exact;
    add("early", "/x/b/{c}").match = PathMatch::exact;
    EXPECT_EQ(who("GET", "/x/b/c"), "early");
    EXPECT_EQ(who("GET", "/x/y/c"), "late");
}

TEST_F(RouteOrder, AnExactHostGoesBeforeAWildcardAndBothBeforeNone)
{
    add("any", "/shop/deep/below");
    add("wildcard", "/shop").hosts = {"*.example.com"};
    add("closer", "/shop").hosts = {"*.eu.example.com"};
    add("exact", "/shop").hosts = {"Shop.Example.com", "[2001:db8::1]"};
    EXPECT_EQ(who("GET", "/shop/deep/below", "shop.example.com"), "exact") << "however short its path";
    EXPECT_EQ(who("GET", "/shop", "SHOP.example.COM:8443"), "exact");
    EXPECT_EQ(who("GET", "/shop", "shop.example.com."), "exact");
    EXPECT_EQ(who("GET", "/shop", "[2001:db8::1]:80"), "exact");
    EXPECT_EQ(who("GET", "/shop", "other.example.com"), "wildcard");
    EXPECT_EQ(who("GET", "/shop", "a.b.example.com"), "wildcard");
    EXPECT_EQ(who("GET", "/shop", "a.eu.example.com"), "closer");
    EXPECT_EQ(who("GET", "/shop", "example.com"), "nobody");
    EXPECT_EQ(who("GET", "/shop", ".example.com"), "nobody");
    EXPECT_EQ(who("GET", "/shop", "badexample.com"), "nobody");
    EXPECT_EQ(who("GET", "/shop/deep/below", "elsewhere.test"), "any");
    EXPECT_EQ(who("GET", "/shop/deep/below", std::string(300, 'a') + ".example.com"), "any");
    EXPECT_EQ(who("GET", "/shop/deep/below"), "any");
}

TEST_F(RouteOrder, WhatAHostDoesNotTakeIsLookedUpFurther)
{
    add("wildcard", "/b").hosts = {"*.example.com"};
    add("exact", "/a").hosts = {"x.example.com"};
    add("any", "/c");
    EXPECT_EQ(who("GET", "/b", "x.example.com"), "wildcard");
    EXPECT_EQ(who("GET", "/c", "x.example.com"), "any");
}

TEST_F(RouteOrder, HeaderFieldsBreakTies)
{
    add("all", "/a");
    add("beta", "/a").headers = {"X-Beta"};
    add("v2", "/a").headers = {"X-Version=2"};
    add("v2 beta", "/a").headers = {"x-version=2", "x-beta"};
    EXPECT_EQ(who("GET", "/a"), "all");
    EXPECT_EQ(who("GET", "/a", "", {{"x-beta", ""}}), "beta");
    EXPECT_EQ(who("GET", "/a", "", {{"x-version", "2"}}), "v2");
    EXPECT_EQ(who("GET", "/a", "", {{"x-version", "3"}}), "all");
    EXPECT_EQ(who("GET", "/a", "", {{"x-version", "2"}, {"x-beta", "1"}}), "v2 beta");
    EXPECT_EQ(who("GET", "/a", "", {{"x-version", "2"}, {"x-version", "3"}}), "all") << "said twice is not said";
}

TEST_F(RouteOrder, NamedMethodsGoBeforeAllMethods)
{
    add("all", "/a");
    add("writes", "/a").methods = {"POST", "PUT"};
    EXPECT_EQ(who("GET", "/a"), "all");
    EXPECT_EQ(who("POST", "/a"), "writes");
}

TEST_F(RouteOrder, AMoreSpecificRouteLeavesOtherMethodsToTheNext)
{
    add("all", "/a");
    add("reads", "/a/b").methods = {"GET"};
    EXPECT_EQ(who("HEAD", "/a/b"), "reads");
    EXPECT_EQ(who("POST", "/a/b"), "all");
    add("alone", "/c").methods = {"GET", "PUT"};
    table_.reset();
    EXPECT_EQ(who("POST", "/c"), "GET, PUT");
}

TEST_F(RouteOrder, ContradictionsAreRefused)
{
    auto contradict = [](RouteConfig a, RouteConfig b) { return gateway::contradict(pattern_of(a), pattern_of(b)); };
    EXPECT_TRUE(contradict({.path = "/a"}, {.path = "/a"}));
    EXPECT_TRUE(contradict({.path = "/a/{x}"}, {.path = "/a/{y}"}));
    EXPECT_TRUE(contradict({.path = "/a", .methods = {"GET"}}, {.path = "/a", .methods = {"HEAD", "PUT"}}));
    EXPECT_TRUE(contradict({.path = "/a", .hosts = {"x.test", "y.test"}}, {.path = "/a", .hosts = {"Y.TEST."}}));
    EXPECT_TRUE(contradict({.path = "/a", .headers = {"x-a=1"}}, {.path = "/a", .headers = {"x-b=1"}}))
        << "a request may have both";
    EXPECT_FALSE(contradict({.path = "/a", .headers = {"x-a=1"}}, {.path = "/a", .headers = {"x-a=2"}}));
    EXPECT_FALSE(contradict({.path = "/a", .headers = {"x-a=1"}}, {.path = "/a", .headers = {"x-a"}}));
    EXPECT_FALSE(contradict({.path = "/a", .methods = {"GET"}}, {.path = "/a"}));
    EXPECT_FALSE(contradict({.path = "/a", .methods = {"GET"}}, {.path = "/a", .methods = {"PUT"}}));
    EXPECT_FALSE(contradict({.path = "/a"}, {.path = "/a", .match = PathMatch::exact}));
    EXPECT_FALSE(contradict({.path = "/a/{x}"}, {.path = "/a/b"}));
    EXPECT_FALSE(contradict({.path = "/a", .hosts = {"x.test"}}, {.path = "/a"}));
    EXPECT_FALSE(contradict({.path = "/a", .hosts = {"*.test"}}, {.path = "/a", .hosts = {"x.test"}}));
    add("one", "/a");
    add("two", "/a");
    EXPECT_THROW(RouteTable{config_}, std::runtime_error);
}

TEST_F(RouteOrder, AMatchAllocatesNothing)
{
    for (int i = 0; i < 300; ++i) {
        add("route", "/service" + std::to_string(i) + "/{id}");
        add("route", "/service" + std::to_string(i) + "/{id}").hosts = {"Shop.Example.com"};
    }
    add("wildcard", "/deep/{a}/{b}/end").hosts = {"*.example.com"};
    RouteTable table(config_);
    http::Headers headers;
    headers.add("host", "SHOP.example.com");
    std::size_t before = gatehouse::testing::allocations;
    const Route* first = table.match({"GET", "/service299/7/x", "SHOP.example.com", &headers}).route;
    const Route* second = table.match({"GET", "/deep/1/2/end", "x.example.com", &headers}).route;
    EXPECT_EQ(gatehouse::testing::allocations, before);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->name, "shop.example.com/service299/{id}/*");
    EXPECT_EQ(second->name, "*.example.com/deep/{a}/{b}/end/*");
}

struct RewriteCase {
    const char* name;
    std::string path;
    std::string rewrite;
    std::string target;
    std::string seen;
};

class Rewritten : public ::testing::TestWithParam<RewriteCase> {};

TEST_P(Rewritten, IsWhatTheServiceSees)
{
    RouteConfig route;
    route.path = GetParam().path;
    PathRewrite rewrite(pattern_of(route), GetParam().rewrite);
    std::string target = GetParam().target;
    rewrite.apply(target);
    EXPECT_EQ(target, GetParam().seen);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Rewritten,
    ::testing::Values(RewriteCase{"stripped", "/api", "/", "/api/orders?x=1", "/orders?x=1"},
                      RewriteCase{"stripped_to_nothing", "/api", "/", "/api", "/"},
                      RewriteCase{"stripped_to_a_query", "/api", "/", "/api?a=/b/c", "/?a=/b/c"},
                      RewriteCase{"stripped_to_a_slash", "/api", "/", "/api/", "/"},
                      RewriteCase{"replaced", "/v1/orders", "/v2/orders", "/v1/orders/7", "/v2/orders/7"},
                      RewriteCase{"replaced_with_a_slash", "/v1", "/v2", "/v1/", "/v2/"},
                      RewriteCase{"parameter", "/orders/{id}", "/v2/{id}/items", "/orders/7?x=1", "/v2/7/items?x=1"},
                      RewriteCase{"parameter_stays_encoded", "/orders/{id}", "/v2/{id}/items", "/orders/a%20b%3Fc/x",
                                  "/v2/a%20b%3Fc/items/x"},
                      RewriteCase{"parameters_change_places", "/{tenant}/orders/{id}", "/{id}/of/{tenant}",
                                  "/acme/orders/7/lines", "/7/of/acme/lines"},
                      RewriteCase{"only_a_parameter", "/a/{x}", "/{x}", "/a/b", "/b"},
                      RewriteCase{"of_everything", "/", "/app", "/x/y", "/app/x/y"},
                      RewriteCase{"of_the_root", "/", "/app", "/", "/app/"},
                      RewriteCase{"query_with_slashes", "/a/{x}", "/{x}", "/a/b?c/d", "/b?c/d"}),
    [](const auto& info) { return info.param.name; });

TEST(Hosts, ArePatternsWithoutPortsOrStrayDots)
{
    for (const char* good :
         {"localhost", "shop.example.com", "*.example.com", "192.0.2.1", "[2001:db8::1]", "a_b.test"})
        EXPECT_TRUE(is_host_pattern(good)) << good;
    for (const char* bad : {"", "*", "*.", "a..b", ".a", "a.", "a:80", "*.*.a", "a.*.b", "-a", "a-", "a b", "http://a"})
        EXPECT_FALSE(is_host_pattern(bad)) << bad;
}

}  // namespace
}  // namespace gatehouse::gateway
