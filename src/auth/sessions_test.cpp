// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace gatehouse::auth {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;

struct Sessions : testing::AuthTest {
    testing::Answer remove(std::string_view target, std::string_view token)
    {
        return call("DELETE", target, {{"authorization", "Bearer " + std::string(token)}});
    }
    testing::Answer validate(std::string_view token) { return get("/validate", token); }

    // The status of a token that asks nobody but the list of revocations, once that says no; else the last one.
    int status_in_the_end(std::string_view token)
    {
        auto end = std::chrono::steady_clock::now() + 10s;
        int status = validate(token).status;
        while (status == 200 && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(5ms);
            status = validate(token).status;
        }
        return status;
    }
    json::object news(std::int64_t after, std::string_view log = "", int wait = 0, bool fresh = false)
    {
        auto target = fmt::format("/internal/revocations?log={}&after={}&wait={}&fresh={}", log, after, wait, fresh);
        return call("GET", target, {{"x-gatehouse-service", std::string(32, 's')}}).json();
    }
};

TEST_F(Sessions, AreListedWithWhereTheyCameFrom)
{
    add_user("ada");
    auto first = call("POST", "/login",
                      {{"content-type", "application/json"},
                       {"user-agent", "Fire\x01"
                                      "fox"}},
                      R"({"username":"ada","password":"correct horse battery"})");
    std::string second = token_of("ada");
    auto list = get("/profile/sessions", second);
    ASSERT_EQ(list.status, 200) << list.body;
    json::array items = list.json().at("items").as_array();
    ASSERT_THAT(items, SizeIs(2));
    EXPECT_TRUE(items[0].at("current").as_bool());
    EXPECT_FALSE(items[1].at("current").as_bool());
    EXPECT_EQ(items[1].at("user_agent"), "Fire?fox");
    EXPECT_EQ(items[1].at("address"), "127.0.0.1");
}

TEST_F(Sessions, EndOneByOne)
{
    add_user("ada");
    std::string here = token_of("ada");
    std::string there = token_of("ada");
    json::array items = get("/profile/sessions", here).json().at("items").as_array();
    std::string id(items[0].at("id").as_string());
    ASSERT_EQ(remove("/profile/sessions/" + id, here).status, 204);
    EXPECT_EQ(get("/profile", there).status, 401);
    EXPECT_EQ(get("/profile", here).status, 200);
    EXPECT_EQ(status_in_the_end(there), 401) << "also where nobody asks the store";
    EXPECT_EQ(validate(here).status, 200);
    auto again = remove("/profile/sessions/" + id, here);
    EXPECT_EQ(again.status, 404);
    EXPECT_EQ(again.code(), "session_not_found");
}

TEST_F(Sessions, OfSomebodyElseAreNotThere)
{
    add_user("ada");
    add_user("eve");
    std::string ada = token_of("ada");
    json::array items = get("/profile/sessions", ada).json().at("items").as_array();
    std::string id(items[0].at("id").as_string());
    EXPECT_EQ(remove("/profile/sessions/" + id, token_of("eve")).status, 404);
    EXPECT_EQ(get("/profile", ada).status, 200);
}

TEST_F(Sessions, EndEverywhere)
{
    add_user("ada");
    add_user("eve");
    std::string here = token_of("ada");
    std::string there = token_of("ada");
    std::string other = token_of("eve");
    ASSERT_EQ(remove("/profile/sessions", here).status, 204);
    EXPECT_EQ(status_in_the_end(here), 401);
    EXPECT_EQ(status_in_the_end(there), 401);
    EXPECT_EQ(validate(other).status, 200);
    EXPECT_EQ(validate(token_of("ada")).status, 200) << "logging in again helps, at once";
}

TEST_F(Sessions, OfAnybodyAreTheAdministrators)
{
    std::string id = add_user("ada");
    add_user("root", {"admin"});
    std::string ada = token_of("ada");
    std::string root = token_of("root");
    EXPECT_EQ(get("/admin/sessions?user=" + id, ada).status, 403);
    EXPECT_EQ(get("/admin/sessions", root).status, 422);
    json::array items = get("/admin/sessions?user=" + id, root).json().at("items").as_array();
    ASSERT_THAT(items, SizeIs(1));
    EXPECT_EQ(remove("/admin/sessions/" + std::string(items[0].at("id").as_string()), root).status, 204);
    EXPECT_EQ(status_in_the_end(ada), 401);
    ada = token_of("ada");
    EXPECT_EQ(remove("/admin/sessions?user=" + id, root).status, 204);
    EXPECT_EQ(status_in_the_end(ada), 401);
    EXPECT_EQ(validate(root).status, 200);
}

TEST_F(Sessions, NewRolesTakeTheOldTokens)
{
    std::string id = add_user("ada");
    add_user("root", {"admin"});
    auto login = log_in("ada");
    std::string root = token_of("root");
    auto answer = call("PATCH", "/admin/users/" + id, json_fields(root), R"({"roles":["admin"]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(status_in_the_end(login.text("access_token")), 401);
    auto refreshed = post("/refresh", {{"refresh_token", login.text("refresh_token")}});
    ASSERT_EQ(refreshed.status, 200) << "the session goes on";
    EXPECT_EQ(validate(refreshed.text("access_token")).json().at("admin"), true);
}

TEST_F(Sessions, ANewPasswordEndsTheOthers)
{
    add_user("ada");
    std::string here = token_of("ada");
    std::string there = token_of("ada");
    ASSERT_EQ(post("/profile/password",
                   {{"current_password", testing::good_password}, {"new_password", "another long password"}}, here)
                  .status,
              204);
    EXPECT_EQ(status_in_the_end(there), 401);
    EXPECT_EQ(validate(here).status, 200);
}

TEST_F(Sessions, EndWhenTheyAreIdle)
{
    add_user("ada");
    auto login = log_in("ada");
    clock_.advance(std::chrono::hours{24 * 14 + 1});
    EXPECT_EQ(post("/refresh", {{"refresh_token", login.text("refresh_token")}}).status, 401);
}

struct ShortSessions : Sessions {
    ShortSessions() { config_.session_ttl = std::chrono::hours{1}; }
};

TEST_F(ShortSessions, EndHoweverOftenTheyAreRefreshed)
{
    add_user("ada");
    auto answer = log_in("ada");
    for (int minutes = 0; minutes < 50; minutes += 10) {
        clock_.advance(std::chrono::minutes{10});
        answer = post("/refresh", {{"refresh_token", answer.text("refresh_token")}});
        ASSERT_EQ(answer.status, 200);
    }
    clock_.advance(std::chrono::minutes{11});
    EXPECT_EQ(post("/refresh", {{"refresh_token", answer.text("refresh_token")}}).status, 401);
}

TEST_F(Sessions, TheLogHasNoGapsAndFollowsTheCommits)
{
    add_user("ada");
    auto before = news(0);
    std::int64_t from = before.at("number").as_int64();
    std::vector<std::string> tokens;
    for (int i = 0; i < 8; ++i)
        tokens.push_back(token_of("ada"));
    std::vector<std::thread> threads;
    for (const auto& token : tokens)
        threads.emplace_back([this, token] { call("POST", "/logout", {{"authorization", "Bearer " + token}}); });
    for (auto& thread : threads)
        thread.join();
    for (const auto& token : tokens)
        EXPECT_EQ(status_in_the_end(token), 401);
    auto after = news(from, before.at("log").as_string());
    const json::array& entries = after.at("revocations").as_array();
    ASSERT_THAT(entries, SizeIs(8));
    for (const json::value& entry : entries)
        EXPECT_EQ(entry.as_array()[0], ++from);
}

TEST_F(Sessions, TheLogIsWaitedFor)
{
    add_user("ada");
    std::string token = token_of("ada");
    auto now = news(0);
    std::string log(now.at("log").as_string());
    std::thread logout([&] {
        std::this_thread::sleep_for(200ms);
        call("POST", "/logout", {{"authorization", "Bearer " + token}});
    });
    auto began = std::chrono::steady_clock::now();
    auto later = news(now.at("number").as_int64(), log, 20);
    auto took = std::chrono::steady_clock::now() - began;
    logout.join();
    EXPECT_THAT(later.at("revocations").as_array(), SizeIs(1));
    EXPECT_GE(took, 150ms);
    EXPECT_LT(took, 15s);
}

TEST_F(Sessions, AFreshAnswerKnowsWhatAnotherProcessHasJustWritten)
{
    add_user("ada");
    token_of("ada");
    std::int64_t before = news(0, "", 0, true).at("number").as_int64();
    for (int round = 1; round <= 10; ++round) {
        commands().set_password("ada", Secret("another long password"));  // tells nobody
        EXPECT_EQ(news(0, "", 0, true).at("number").as_int64(), before + round);
    }
}

TEST_F(Sessions, TheLogIsForOurOwnRolesOnly)
{
    EXPECT_EQ(call("GET", "/internal/revocations").status, 401);
    EXPECT_EQ(call("GET", "/internal/revocations?wait=100", {{"x-gatehouse-service", std::string(32, 's')}}).status,
              400);
}

TEST_F(Sessions, TheStoreItselfCanBeAskedAboutAToken)
{
    add_user("ada");
    std::string token = token_of("ada");
    testing::Fields fields{{"x-gatehouse-service", std::string(32, 's')}, {"authorization", "Bearer " + token}};
    EXPECT_EQ(call("GET", "/internal/token", fields).status, 204);
    commands().set_password("ada", Secret("another long password"));
    EXPECT_EQ(call("GET", "/internal/token", fields).status, 401);
}

}  // namespace
}  // namespace gatehouse::auth
