// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include "base/sha256.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

struct RefreshToken : testing::AuthTest {
    testing::Answer refresh(std::string_view token) { return post("/refresh", {{"refresh_token", token}}); }
    std::string first_token()
    {
        add_user("ada");
        return log_in("ada").text("refresh_token");
    }
};

TEST_F(RefreshToken, GivesNewTokensOfTheSameSession)
{
    std::string token = first_token();
    auto answer = refresh(token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_NE(answer.text("refresh_token"), token);
    EXPECT_EQ(answer.json().at("user").at("username"), "ada");
    EXPECT_EQ(get("/profile", answer.text("access_token")).status, 200);
    for (int i = 0; i < 3; ++i) {
        clock_.advance(std::chrono::minutes{9});
        answer = refresh(answer.text("refresh_token"));
        ASSERT_EQ(answer.status, 200);
    }
}

TEST_F(RefreshToken, UsedAgainEndsTheSession)
{
    std::string stolen = first_token();
    std::string victims = refresh(stolen).text("refresh_token");
    clock_.advance(std::chrono::seconds{11});
    auto answer = refresh(stolen);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.code(), "invalid_refresh_token");
    EXPECT_EQ(refresh(victims).status, 401);
}

TEST_F(RefreshToken, OfLongAgoEndsTheSessionToo)
{
    std::string victims = first_token();
    // The thief is quick: the victim's token is not the previous one any more.
    std::string thiefs = refresh(victims).text("refresh_token");
    clock_.advance(std::chrono::seconds{1});
    thiefs = refresh(thiefs).text("refresh_token");
    EXPECT_EQ(refresh(victims).status, 401);
    EXPECT_EQ(refresh(thiefs).status, 401);
}

TEST_F(RefreshToken, OfTwoTabsAtTheSameMomentLogsNobodyOut)
{
    std::string shared = first_token();
    std::string one = refresh(shared).text("refresh_token");
    clock_.advance(std::chrono::seconds{9});
    auto second = refresh(shared);
    ASSERT_EQ(second.status, 200);
    // Whichever answer the browser keeps.
    std::string two = second.text("refresh_token");
    clock_.advance(std::chrono::minutes{5});
    auto from_one = refresh(one);
    ASSERT_EQ(from_one.status, 200);
    EXPECT_EQ(refresh(two).status, 200);
}

TEST_F(RefreshToken, IsRefusedWhenItIsNoneOfOurs)
{
    std::string token = first_token();
    for (std::string_view other : {std::string_view("x"), std::string_view(""), std::string_view("!!!")})
        EXPECT_EQ(refresh(other).status, 401);
    EXPECT_EQ(refresh(std::string(64, 'A')).status, 401);
    EXPECT_EQ(refresh(std::string(4000, 'A')).status, 401);
    EXPECT_EQ(post("/refresh", {}).status, 422);
    EXPECT_EQ(refresh(token).status, 200) << "none of these ended the session";
}

TEST_F(RefreshToken, ExpiresWhenItIsNotUsed)
{
    std::string token = first_token();
    clock_.advance(config_.refresh_token_ttl);
    EXPECT_EQ(refresh(token).status, 401);
}

TEST_F(RefreshToken, IsStoredAsAHashOnly)
{
    std::string token = first_token();
    std::string bytes = from_base64url(token).value();
    auto dump = [](sql::Connection& connection) {
        auto rows = connection.query("SELECT family_hash, refresh_hash, rotation_key FROM sessions");
        return std::vector{rows.at(0).text(0), rows.at(0).text(1), rows.at(0).text(2)};
    };
    auto stored = database_->read_blocking(dump);
    EXPECT_EQ(stored[0], to_base64url(sha256(bytes.substr(0, 16))));
    EXPECT_EQ(stored[1], to_base64url(sha256(bytes)));
    EXPECT_THAT(token, ::testing::Not(::testing::HasSubstr(stored[2])));
}

TEST_F(RefreshToken, OfADisabledUserIsRefused)
{
    std::string token = first_token();
    ASSERT_TRUE(commands().set_disabled("ada", true).has_value());
    EXPECT_EQ(refresh(token).status, 401);
    ASSERT_TRUE(commands().set_disabled("ada", false).has_value());
    EXPECT_EQ(refresh(token).status, 401) << "the sessions of before are over";
}

TEST_F(RefreshToken, OfARemovedUserIsRefused)
{
    std::string token = first_token();
    ASSERT_TRUE(commands().remove_user("ada").has_value());
    EXPECT_EQ(refresh(token).status, 401);
}

struct Logout : RefreshToken {};

TEST_F(Logout, EndsTheSession)
{
    add_user("ada");
    auto login = log_in("ada");
    auto other = log_in("ada");
    std::string access = login.text("access_token");
    EXPECT_EQ(call("POST", "/logout", {{"authorization", "Bearer " + access}}).status, 204);
    EXPECT_EQ(call("POST", "/logout", {{"authorization", "Bearer " + access}}).status, 204);
    EXPECT_EQ(refresh(login.text("refresh_token")).status, 401);
    EXPECT_EQ(get("/profile", access).status, 401);
    EXPECT_EQ(refresh(other.text("refresh_token")).status, 200) << "only that session";
}

TEST_F(Logout, WorksWithTheRefreshTokenWhereTheAccessTokenHasExpired)
{
    std::string token = first_token();
    EXPECT_EQ(post("/logout", {{"refresh_token", token}}).status, 204);
    EXPECT_EQ(refresh(token).status, 401);
    EXPECT_EQ(call("POST", "/logout").status, 401);
}

TEST_F(Logout, OldSessionsAreSweptWithTheNextLogin)
{
    add_user("ada");
    for (int i = 0; i < 5; ++i)
        log_in("ada");
    clock_.advance(config_.refresh_token_ttl + std::chrono::seconds{1});
    log_in("ada");
    auto count = [](sql::Connection& connection) {
        return connection.query("SELECT COUNT(*) FROM sessions")[0].integer(0);
    };
    EXPECT_EQ(database_->read_blocking(count), 1);
}

}  // namespace
}  // namespace gatehouse::auth
