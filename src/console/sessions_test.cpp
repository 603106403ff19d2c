// SPDX-License-Identifier: Apache-2.0
#include "console/console_fixture.hpp"

#include <gmock/gmock.h>

namespace gatehouse::console {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* form = R"({"username":"ada","password":"correct horse"})";

auto is_session_cookie(const std::string& name, const std::string& value)
{
    return AllOf(StartsWith(name + "=" + value + ";"), HasSubstr("; HttpOnly"), HasSubstr("; Secure"),
                 HasSubstr("; SameSite=Strict"), HasSubstr("; Path=/"), Not(HasSubstr("Max-Age=0")),
                 Not(HasSubstr("Domain")));
}
auto clears_cookie(const std::string& name) { return AllOf(StartsWith(name + "=;"), HasSubstr("; Max-Age=0")); }

const std::string access{identity::access_cookie};
const std::string renewal{identity::refresh_cookie};

class Sessions : public testing::ConsoleTest {};

TEST_F(Sessions, LoggingInPutsTheTokensIntoCookiesAndNowhereElse)
{
    auth_.will_answer(tokens("aaa.bbb.ccc", "rrr"));
    auto reply = send("POST", "/console/session", own_form(), form);
    EXPECT_EQ(reply.status, 200);
    EXPECT_THAT(reply.cookies(),
                ElementsAre(is_session_cookie(access, "aaa.bbb.ccc"), is_session_cookie(renewal, "rrr")));
    EXPECT_THAT(reply.cookies()[0], HasSubstr("Max-Age=600"));
    EXPECT_EQ(reply.header("cache-control"), "no-store");
    EXPECT_EQ(reply.object(), (json::object{{"user", {{"id", "u1"}, {"username", "ada"}}}, {"expires_in", 600}}));
}

TEST_F(Sessions, AuthLearnsWhoIsBehindTheLogin)
{
    auth_.will_answer(tokens("a", "r"));
    auto fields = own_form();
    fields.emplace_back("x-forwarded-for", "192.0.2.7");
    fields.emplace_back("cookie", "theme=dark");
    send("POST", "/console/session", fields, R"({"username":"ada","password":"x","otp":"123456","more":1})");
    ASSERT_EQ(auth_.calls.size(), 1u);
    const auto& call = auth_.calls[0];
    EXPECT_EQ(call.target, "/login");
    EXPECT_EQ(call.body, R"({"username":"ada","password":"x","otp":"123456"})");
    EXPECT_EQ(call.request_id, "request-7");
    EXPECT_EQ(call.remote_address, "192.0.2.7");
    EXPECT_EQ(call.headers.find("x-forwarded-for"), "192.0.2.7");
    EXPECT_EQ(call.headers.find("content-type"), "application/json");
    EXPECT_FALSE(call.headers.contains("cookie"));
}

TEST_F(Sessions, WrongCredentialsAreToldWithoutAChallengeForAPassword)
{
    http::Response refusal = http::Problem::unauthorized("wrong_credentials", "No.");
    refusal.headers.set("www-authenticate", "Basic realm=\"gatehouse\"");
    auth_.will_answer(std::move(refusal));
    auto reply = send("POST", "/console/session", own_form(), form);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.code(), "wrong_credentials");
    EXPECT_EQ(find_string(reply.object(), "instance"), "request-7");
    EXPECT_THAT(reply.header("www-authenticate"), StartsWith("Bearer"));
    EXPECT_THAT(reply.cookies(), IsEmpty());
}

TEST_F(Sessions, ABusyAuthSaysWhenToComeAgain)
{
    auth_.will_answer(http::Problem::unavailable("the queue is full", std::chrono::seconds{3}));
    auto reply = send("POST", "/console/session", own_form(), form);
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.header("retry-after"), "3");
}

TEST_F(Sessions, BadFormsAreRefusedHere)
{
    struct Case {
        const char* name;
        const char* body;
        int status;
    };
    for (const Case& c : {Case{"no JSON", "username=ada", 400}, Case{"an array", "[]", 400},
                          Case{"no password", R"({"username":"ada"})", 422},
                          Case{"a number", R"({"username":"ada","password":1})", 422},
                          Case{"empty", R"({"username":"","password":""})", 422}})
        EXPECT_EQ(send("POST", "/console/session", own_form(), c.body).status, c.status) << c.name;
    EXPECT_EQ(send("POST", "/console/session", own_page({{"content-type", "text/plain"}}), form).status, 415);
    EXPECT_EQ(send("POST", "/console/session", own_form(), std::string(20'000, ' ')).status, 413);
    EXPECT_THAT(auth_.calls, IsEmpty());
}

TEST_F(Sessions, AnAnswerOfAuthWithoutUsableTokensIsABadGateway)
{
    auth_.will_answer(tokens("", "r"));
    auth_.will_answer(tokens("a; Domain=evil.example", "r"));
    auth_.will_answer(tokens(std::string(5000, 'a'), "r"));
    auth_.will_answer(http::json_response(json::array{}));
    http::Response html;
    html.body = std::string(100, 'x');
    html.status = 302;
    auth_.will_answer(std::move(html));
    for (int i = 0; i < 5; ++i) {
        auto reply = send("POST", "/console/session", own_form(), form);
        EXPECT_EQ(reply.status, 502) << i;
        EXPECT_THAT(reply.cookies(), IsEmpty()) << i;
    }
}

TEST_F(Sessions, WhatComesFromAnotherSiteIsRefused)
{
    std::vector<Fields> foreign{{},
                                {{"sec-fetch-site", "cross-site"}},
                                {{"sec-fetch-site", "same-site"}},
                                {{"sec-fetch-site", "none"}},
                                {{"origin", "https://evil.example"}},
                                {{"origin", "http://gate.example"}},
                                {{"origin", "null"}}};
    for (Fields fields : foreign) {
        fields.emplace_back("content-type", "application/json");
        fields.push_back(cookies("a", "r"));
        for (auto [method, target] : {std::pair{"POST", "/console/session"},
                                      {"POST", "/console/session/refresh"},
                                      {"DELETE", "/console/session"}}) {
            auto reply = send(method, target, fields, form);
            EXPECT_EQ(reply.status, 403) << method << target << fields[0].first << fields[0].second;
            EXPECT_EQ(reply.code(), "csrf_rejected");
            EXPECT_THAT(reply.cookies(), IsEmpty());
        }
    }
    EXPECT_THAT(auth_.calls, IsEmpty());
}

TEST_F(Sessions, ABrowserWithoutFetchMetadataShowsItsOrigin)
{
    auth_.will_answer(tokens("a", "r"));
    auto reply = send("POST", "/console/session",
                      {{"content-type", "application/json"}, {"origin", "https://gate.example"}}, form);
    EXPECT_EQ(reply.status, 200);
}

TEST_F(Sessions, RefreshingTradesTheCookieForNewOnes)
{
    auth_.will_answer(tokens("new", "renewed"));
    auto reply = send("POST", "/console/session/refresh", own_page({cookies("", "old")}));
    EXPECT_EQ(reply.status, 200);
    EXPECT_THAT(reply.cookies(), ElementsAre(is_session_cookie(access, "new"), is_session_cookie(renewal, "renewed")));
    ASSERT_EQ(auth_.calls.size(), 1u);
    EXPECT_EQ(auth_.calls[0].target, "/refresh");
    EXPECT_EQ(auth_.calls[0].body, R"({"refresh_token":"old"})");
    EXPECT_EQ(reply.body.find("renewed"), std::string::npos);
}

TEST_F(Sessions, ARefusedRefreshClearsTheCookies)
{
    auth_.will_answer(http::Problem::unauthorized("invalid_refresh_token", "Over."));
    auto reply = send("POST", "/console/session/refresh", own_page({cookies("a", "old")}));
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.code(), "invalid_refresh_token");
    EXPECT_THAT(reply.cookies(), ElementsAre(clears_cookie(access), clears_cookie(renewal)));
}

TEST_F(Sessions, WithoutACookieThereIsNothingToRefresh)
{
    auto reply = send("POST", "/console/session/refresh", own_page());
    EXPECT_EQ(reply.status, 401);
    EXPECT_THAT(reply.cookies(), ElementsAre(clears_cookie(access), clears_cookie(renewal)));
    EXPECT_THAT(auth_.calls, IsEmpty());
}

TEST_F(Sessions, AnAuthThatIsAwayKeepsTheSession)
{
    auth_.will_answer(http::Problem::unavailable("the store is away", std::chrono::seconds{1}));
    auto reply = send("POST", "/console/session/refresh", own_page({cookies("", "old")}));
    EXPECT_EQ(reply.status, 503);
    EXPECT_THAT(reply.cookies(), IsEmpty());

    auth_.will_answer(http::Problem::unavailable("the store is away", std::chrono::seconds{1}));
    reply = send("DELETE", "/console/session", own_page({cookies("a", "r")}));
    EXPECT_EQ(reply.status, 503);
    EXPECT_THAT(reply.cookies(), IsEmpty());
}

http::Response no_content()
{
    http::Response response;
    response.status = 204;
    return response;
}

TEST_F(Sessions, LoggingOutEndsTheSessionAtAuth)
{
    auth_.will_answer(no_content());
    auto reply = send("DELETE", "/console/session", own_page({cookies("aaa", "rrr")}));
    EXPECT_EQ(reply.status, 204);
    EXPECT_THAT(reply.cookies(), ElementsAre(clears_cookie(access), clears_cookie(renewal)));
    ASSERT_EQ(auth_.calls.size(), 1u);
    EXPECT_EQ(auth_.calls[0].target, "/logout");
    EXPECT_EQ(auth_.calls[0].headers.find("authorization"), "Bearer aaa");
}

TEST_F(Sessions, LoggingOutWorksAfterTheAccessTokenHasEnded)
{
    auth_.will_answer(no_content());
    EXPECT_EQ(send("DELETE", "/console/session", own_page({cookies("", "rrr")})).status, 204);
    auth_.will_answer(http::Problem::unauthorized("invalid_token", "Expired."));
    auth_.will_answer(no_content());
    EXPECT_EQ(send("DELETE", "/console/session", own_page({cookies("aaa", "rrr")})).status, 204);
    ASSERT_EQ(auth_.calls.size(), 3u);
    for (std::size_t i : {0u, 2u}) {
        EXPECT_EQ(auth_.calls[i].body, R"({"refresh_token":"rrr"})");
        EXPECT_FALSE(auth_.calls[i].headers.contains("authorization"));
    }
}

TEST_F(Sessions, LoggingOutTwiceIsFine)
{
    auto reply = send("DELETE", "/console/session", own_page());
    EXPECT_EQ(reply.status, 204);
    auth_.will_answer(http::Problem::unauthorized("invalid_token", "Expired."));
    reply = send("DELETE", "/console/session", own_page({cookies("aaa", "")}));
    EXPECT_EQ(reply.status, 204);
    EXPECT_THAT(reply.cookies(), ElementsAre(clears_cookie(access), clears_cookie(renewal)));
}

TEST_F(Sessions, ThePageLearnsWhichCookiesThereAre)
{
    auto state = [&](Fields fields) { return find_string(send("GET", "/console/session", fields).object(), "state"); };
    EXPECT_EQ(state({}), "none");
    EXPECT_EQ(state({{"cookie", "theme=dark"}}), "none");
    EXPECT_EQ(state({cookies("a", "r")}), "active");
    EXPECT_EQ(state({cookies("a", "")}), "active");
    EXPECT_EQ(state({cookies("", "r")}), "renewable");
    EXPECT_EQ(state({cookies("", "")}), "none");
    EXPECT_EQ(send("GET", "/console/session").header("cache-control"), "no-store");
}

}  // namespace
}  // namespace gatehouse::console
