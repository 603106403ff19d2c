// SPDX-License-Identifier: Apache-2.0
#include "gateway/forward_auth.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace gatehouse::gateway {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

http::Request question(std::string method, std::string target, const Fields& fields = {})
{
    http::Request request;
    request.head.method = std::move(method);
    request.head.target = std::move(target);
    for (auto [name, value] : fields)
        request.head.headers.add(name, value);
    return request;
}

std::string found(const http::Request& asked, bool needs_host = false)
{
    try {
        auto original = find_original_request(asked, needs_host);
        return original ? original->method + " " + original->host + original->target : "none";
    } catch (const http::Problem& problem) {
        EXPECT_EQ(problem.code(), "forward_auth_refused");
        return std::to_string(problem.status());
    }
}

TEST(ForwardAuth, FindsTheOriginalRequestOfEachProxy)
{
    EXPECT_EQ(found(question("GET", "/validate", {{"x-original-method", "POST"}, {"x-original-uri", "/orders/7?a=b"}})),
              "POST /orders/7?a=b")
        << "nginx";
    EXPECT_EQ(found(question("GET", "/validate", {{"x-forwarded-method", "DELETE"}, {"x-forwarded-uri", "/orders/7"}})),
              "DELETE /orders/7")
        << "Caddy, Traefik";
    EXPECT_EQ(found(question("PUT", "/validate/orders/7?x=/validate")), "PUT /orders/7?x=/validate") << "Envoy";
    EXPECT_EQ(found(question("GET", "/validate/")), "GET /");
    EXPECT_EQ(found(question("GET", "/validate")), "none") << "only the token";
}

TEST(ForwardAuth, TakesTheSameSaidTwice)
{
    EXPECT_EQ(found(question("GET", "/validate",
                             {{"x-original-method", "GET"},
                              {"x-original-uri", "/a"},
                              {"x-forwarded-method", "GET"},
                              {"x-forwarded-uri", "/a"}})),
              "GET /a");
    EXPECT_EQ(found(question("GET", "/validate/a", {{"x-forwarded-uri", "/a"}})), "GET /a");
}

TEST(ForwardAuth, RefusesContradictions)
{
    EXPECT_EQ(found(question("GET", "/validate",
                             {{"x-original-method", "GET"}, {"x-original-uri", "/a"}, {"x-forwarded-uri", "/b"}})),
              "403");
    EXPECT_EQ(found(question("GET", "/validate",
                             {{"x-original-method", "GET"}, {"x-original-uri", "/a"}, {"x-original-uri", "/b"}})),
              "403");
    EXPECT_EQ(found(question("GET", "/validate",
                             {{"x-original-method", "POST"}, {"x-forwarded-method", "GET"}, {"x-original-uri", "/a"}})),
              "403");
    EXPECT_EQ(found(question("GET", "/validate/a", {{"x-original-uri", "/b"}})), "403");
    EXPECT_EQ(found(question("POST", "/validate/a", {{"x-forwarded-method", "GET"}})), "403");
}

TEST(ForwardAuth, WantsTheHostOnlyWhereRoutesAskForIt)
{
    Fields fields{{"x-original-method", "GET"}, {"x-original-uri", "/a"}, {"host", "gatehouse"}};
    EXPECT_EQ(found(question("GET", "/validate", fields)), "GET /a");
    EXPECT_EQ(found(question("GET", "/validate", fields), true), "403") << "nginx says its own name for Gatehouse";
    fields.emplace_back("x-original-host", "shop.test");
    EXPECT_EQ(found(question("GET", "/validate", fields), true), "GET shop.test/a");
    EXPECT_EQ(found(question("GET", "/validate", fields)), "GET /a");
    fields.emplace_back("x-forwarded-host", "open.test");
    EXPECT_EQ(found(question("GET", "/validate", fields), true), "403") << "one of them comes from the client";
    EXPECT_EQ(found(question("GET", "/validate/a", {{"host", "shop.test"}}), true), "GET shop.test/a") << "Envoy";
    EXPECT_EQ(found(question("GET", "/validate/a", {{"host", "shop.test"}, {"x-forwarded-host", "open.test"}}), true),
              "403");
}

TEST(ForwardAuth, RefusesHalfOfARequest)
{
    EXPECT_EQ(found(question("GET", "/validate", {{"x-original-uri", "/a"}})), "403");
    EXPECT_EQ(found(question("GET", "/validate", {{"x-forwarded-method", "GET"}})), "403");
}

TEST(ForwardAuth, RefusesWhatServicesReadInDifferentWays)
{
    for (std::string_view target : {"", "a", "*", "http://host/a", "/a/../b", "/a/%2e%2e/b", "//a", "/a//b", "/a%2fb",
                                    "/a%5cb", "/a\\b", "/a%", "/a#b", "/a b", "/a%00", "/\xc3\xa9", "/a?b#c"})
        EXPECT_EQ(found(question("GET", "/validate", {{"x-original-method", "GET"}, {"x-original-uri", target}})),
                  "403")
            << target;
    for (std::string_view method : {"", "GET POST", "G\"ET"})
        EXPECT_EQ(found(question("GET", "/validate", {{"x-original-method", method}, {"x-original-uri", "/a"}})), "403")
            << method;
    EXPECT_EQ(found(question("GET", "/validate/a/../b")), "403");
    EXPECT_EQ(found(question("GET", "/validate//a")), "403");
}

TEST(ForwardAuth, BringsThePathIntoTheFormThatRoutesAreMatchedOn)
{
    EXPECT_EQ(found(question("GET", "/validate",
                             {{"x-original-method", "GET"}, {"x-original-uri", "/%6frders/%7euser?%6f"}})),
              "GET /orders/~user?%6f");
}

TEST(ForwardAuth, OwnsItsPathAndNothingBeside)
{
    EXPECT_TRUE(is_forward_auth_path("/validate"));
    EXPECT_TRUE(is_forward_auth_path("/validate/"));
    EXPECT_TRUE(is_forward_auth_path("/validate/a"));
    EXPECT_FALSE(is_forward_auth_path("/validated"));
    EXPECT_FALSE(is_forward_auth_path("/a/validate"));
}

}  // namespace
}  // namespace gatehouse::gateway
