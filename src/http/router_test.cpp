// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include "http/problem.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {

namespace {

Task<Response> respond(std::string text)
{
    Response response;
    response.body = std::move(text);
    co_return response;
}

Handler say(std::string name)
{
    return [name](Request& request) {
        std::string text = name;
        for (const auto& parameter : request.path_parameters)
            text += '|' + parameter;
        return respond(text);
    };
}

const Router& table()
{
    static const Router router({
        {"GET", "/", say("root")},
        {"GET", "/files", say("list")},
        {"POST", "/files", say("create")},
        {"GET", "/files/{id}", say("get")},
        {"DELETE", "/files/{id}", say("delete")},
        {"POST", "/files/search", say("search")},
        {"GET", "/files/{id}/content", say("content")},
        {"GET", "/a/{x}/b/{y}", say("two")},
        {"GET", "/console/{rest...}", say("console")},
        {"POST", "/console/login", say("login")},
        {"HEAD", "/own", say("own head")},
        {"GET", "/own", say("own get")},
    });
    return router;
}

struct Answer {
    int status;
    std::string body;
    std::string route;
    std::string allow;
};

Answer ask(std::string_view method, std::string_view target)
{
    Request request;
    request.head.method = method;
    request.head.target = target;
    auto response = testing::run_task(make_handler(table())(request));
    return {response.status, response.status == 200 ? response.body : "", std::string(request.route),
            std::string(response.headers.find("allow").value_or(""))};
}

}  // namespace

TEST(Router, FindsTheRouteAndItsParameters)
{
    EXPECT_EQ(ask("GET", "/").body, "root");
    EXPECT_EQ(ask("GET", "/files").body, "list");
    EXPECT_EQ(ask("GET", "/files?cursor=/a/b").body, "list");
    EXPECT_EQ(ask("POST", "/files").body, "create");
    EXPECT_EQ(ask("GET", "/files/7").body, "get|7");
    EXPECT_EQ(ask("DELETE", "/files/7").body, "delete|7");
    EXPECT_EQ(ask("GET", "/files/7/content").body, "content|7");
    EXPECT_EQ(ask("GET", "/files/7/content").route, "/files/{id}/content");
    EXPECT_EQ(ask("GET", "/a/1/b/2").body, "two|1|2");
}

TEST(Router, DecodesParameters)
{
    EXPECT_EQ(ask("GET", "/files/a%20b%C3%A9").body, "get|a b\xc3\xa9");
    EXPECT_EQ(ask("GET", "/files/a+b").body, "get|a+b");
    EXPECT_EQ(ask("GET", "/files/%2541").body, "get|%41");
}

TEST(Router, RefusesParametersThatCouldClimb)
{
    for (auto target :
         {"/files/a%2fb", "/files/a%2Fb", "/files/..", "/files/.", "/files/%2e%2e", "/files/%2E", "/files/%00",
          "/files/%zz", "/files/%4", "/console/a/../b", "/console/%2e%2e/b", "/console/a%2fb", "/console/a//b"})
        EXPECT_EQ(ask("GET", target).status, 404) << target;
}

TEST(Router, UnknownPathsAreNotFound)
{
    for (auto target : {"/file", "/files/", "/files/7/", "/files/7/content/", "/files//content", "//files", "/Files",
                        "/%66iles", "/console", "*", "/a/1/b"})
        EXPECT_EQ(ask("GET", target).status, 404) << target;
}

TEST(Router, UnknownMethodsAreToldWhatIsAllowed)
{
    EXPECT_EQ(ask("PUT", "/files").status, 405);
    EXPECT_EQ(ask("PUT", "/files").allow, "GET, HEAD, POST");
    EXPECT_EQ(ask("PUT", "/files").route, "/files");
    EXPECT_EQ(ask("PUT", "/files/search").allow, "DELETE, GET, HEAD, POST");
    EXPECT_EQ(ask("PUT", "/own").allow, "GET, HEAD");
    EXPECT_EQ(ask("get", "/files").status, 405);
}

TEST(Router, GetAnswersHead)
{
    EXPECT_EQ(ask("HEAD", "/files/7").body, "get|7");
    EXPECT_EQ(ask("HEAD", "/own").body, "own head");
}

TEST(Router, LiteralsGoBeforeParametersAndThoseBeforeARest)
{
    EXPECT_EQ(ask("POST", "/files/search").body, "search");
    EXPECT_EQ(ask("GET", "/files/search").body, "get|search");
    EXPECT_EQ(ask("POST", "/console/login").body, "login");
    EXPECT_EQ(ask("GET", "/console/login").body, "console|login");
    EXPECT_EQ(ask("GET", "/console/login").route, "/console/{rest...}");
}

TEST(Router, ARestTakesAllThatFollows)
{
    EXPECT_EQ(ask("GET", "/console/").body, "console|");
    EXPECT_EQ(ask("GET", "/console/a%20b/c.js").body, "console|a b/c.js");
    EXPECT_EQ(ask("GET", "/console/a/").body, "console|a/");
}

TEST(RouterDeathTest, TwoRoutesForTheSameAbort)
{
    EXPECT_DEATH(Router({{"GET", "/a", say("1")}, {"GET", "/a", say("2")}}), "broken invariant");
    EXPECT_DEATH(Router({{"GET", "/{a}", say("1")}, {"POST", "/{b}", say("2")}}), "broken invariant");
    EXPECT_DEATH(Router({{"GET", "/{a...}/b", say("1")}}), "broken invariant");
}

}  // namespace gatehouse::http
