// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::good_password;

struct Profile : testing::AuthTest {
    testing::Answer change(std::string_view token, std::string_view current, std::string_view wanted)
    {
        return post("/profile/password", {{"current_password", current}, {"new_password", wanted}}, token);
    }
};

TEST_F(Profile, IsTheCallersOwn)
{
    std::string id = add_user("ada@example.com");
    auto answer = get("/profile", token_of("ada@example.com"));
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.text("id"), id);
    EXPECT_EQ(answer.text("email"), "ada@example.com") << "an address that is the name is the e-mail too";
    EXPECT_THAT(answer.body, ::testing::Not(::testing::HasSubstr("argon2")));
    EXPECT_EQ(get("/profile").status, 401);
}

TEST_F(Profile, IsGoneForADisabledUserAtOnce)
{
    add_user("ada");
    std::string token = token_of("ada");
    ASSERT_TRUE(commands().set_disabled("ada", true).has_value());
    auto answer = get("/profile", token);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.code(), "invalid_token");
}

TEST_F(Profile, PasswordChangeEndsTheOtherSessions)
{
    add_user("ada");
    auto mine = log_in("ada");
    auto other = log_in("ada");
    EXPECT_EQ(change(mine.text("access_token"), good_password, "a new password").status, 204);
    EXPECT_EQ(get("/profile", mine.text("access_token")).status, 200);
    EXPECT_EQ(get("/profile", other.text("access_token")).status, 401);
    EXPECT_EQ(post("/refresh", {{"refresh_token", other.text("refresh_token")}}).status, 401);
    EXPECT_EQ(post("/refresh", {{"refresh_token", mine.text("refresh_token")}}).status, 200);
    EXPECT_EQ(log_in("ada").status, 401);
    EXPECT_EQ(log_in("ada", "a new password").status, 200);
}

TEST_F(Profile, PasswordChangeNeedsTheCurrentOneAndAGoodNewOne)
{
    add_user("ada");
    std::string token = token_of("ada");
    auto wrong = change(token, "not the password", "a new password");
    EXPECT_EQ(wrong.status, 422);
    EXPECT_THAT(wrong.pointers(), ::testing::ElementsAre("/current_password"));
    auto weak = change(token, good_password, "short");
    EXPECT_EQ(weak.status, 422);
    EXPECT_THAT(weak.pointers(), ::testing::ElementsAre("/new_password"));
    EXPECT_EQ(post("/profile/password", {}, token).status, 422);
    EXPECT_EQ(change("", good_password, "a new password").status, 401);
    EXPECT_EQ(log_in("ada").status, 200);
}

}  // namespace
}  // namespace gatehouse::auth
