// SPDX-License-Identifier: Apache-2.0
// The second factor as users meet it; the arithmetic is in totp_test.cpp.
#include "auth/auth_fixture.hpp"
#include "auth/totp.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::Answer;
using testing::good_password;

// RFC 4648, the other way round.
std::string from_base32(std::string_view text)
{
    std::string bytes;
    unsigned bits = 0;
    int count = 0;
    for (char c : text) {
        bits = (bits << 5U) | static_cast<unsigned>(c >= 'A' ? c - 'A' : c - '2' + 26);
        count += 5;
        if (count >= 8)
            bytes += static_cast<char>(bits >> static_cast<unsigned>(count -= 8));
    }
    return bytes;
}

struct SecondFactor : testing::AuthTest {
    SecondFactor()
    {
        add_user("ada");
        token = token_of("ada");
    }
    Answer begin() { return post("/profile/totp", {{"current_password", good_password}}, token); }
    // Gives the recovery codes.
    std::vector<std::string> enable()
    {
        secret = from_base32(begin().text("secret"));
        auto answer = post("/profile/totp/confirm", {{"otp", code()}}, token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        std::vector<std::string> codes;
        for (const auto& one : answer.json().at("recovery_codes").as_array())
            codes.emplace_back(one.get_string());
        clock_.advance(std::chrono::minutes{2});
        return codes;
    }
    std::string code() { return totp_code(secret, totp_step(clock_.now())); }
    Answer log_in_with(std::string_view otp, std::string_view password = good_password)
    {
        return post("/login", {{"username", "ada"}, {"password", password}, {"otp", otp}});
    }
    Answer remove(std::string_view otp, std::string_view password = good_password)
    {
        json::object form{{"current_password", password}, {"otp", otp}};
        return call("DELETE", "/profile/totp", json_fields(token), json::serialize(form));
    }
    std::string token, secret;
};

TEST_F(SecondFactor, IsAskedForAfterTheRightPasswordOnly)
{
    enable();
    auto asked = log_in("ada");
    EXPECT_EQ(asked.status, 401);
    EXPECT_EQ(asked.code(), "otp_required");
    EXPECT_EQ(log_in("ada", "a wrong password").code(), "wrong_credentials");
    EXPECT_EQ(log_in_with(code(), "a wrong password").code(), "wrong_credentials");
    EXPECT_EQ(log_in_with(code()).status, 200);
    EXPECT_EQ(call("POST", "/login", {{"authorization", testing::basic("ada", good_password)}}).code(), "otp_required");
}

TEST_F(SecondFactor, ACodeIsGoodOnce)
{
    enable();
    std::string used = code();
    EXPECT_EQ(log_in_with(used).status, 200);
    EXPECT_EQ(log_in_with(used).code(), "wrong_otp");
    EXPECT_EQ(log_in_with("000000").code(), "wrong_otp");
    clock_.advance(std::chrono::seconds{30});
    EXPECT_EQ(log_in_with(code()).status, 200);
}

TEST_F(SecondFactor, ARecoveryCodeIsGoodOnceAndAnyWayItIsTyped)
{
    auto codes = enable();
    ASSERT_EQ(codes.size(), 10u);
    EXPECT_EQ(codes[0].size(), 19u);
    EXPECT_EQ(log_in_with(codes[0]).status, 200);
    EXPECT_EQ(log_in_with(codes[0]).code(), "wrong_otp");
    std::string typed = codes[1];
    std::erase(typed, '-');
    for (char& c : typed)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(log_in_with(typed).status, 200);
}

TEST_F(SecondFactor, CountsOnlyWhenConfirmed)
{
    auto begun = begin();
    ASSERT_EQ(begun.status, 200) << begun.body;
    EXPECT_THAT(begun.text("uri"), ::testing::StartsWith("otpauth://totp/https%3A%2F%2Fgate.example:ada?secret="));
    EXPECT_EQ(log_in("ada").status, 200);
    EXPECT_THAT(post("/profile/totp/confirm", {{"otp", "000000"}}, token).pointers(), ::testing::ElementsAre("/otp"));
    EXPECT_EQ(get("/profile", token).json().at("totp_enabled"), false);
    enable();
    EXPECT_EQ(get("/profile", token).json().at("totp_enabled"), true);
    EXPECT_EQ(begin().code(), "totp_active");
}

TEST_F(SecondFactor, NeedsThePasswordToBeginAndACodeBesidesToEnd)
{
    EXPECT_THAT(post("/profile/totp", {{"current_password", "not it at all"}}, token).pointers(),
                ::testing::ElementsAre("/current_password"));
    enable();
    EXPECT_THAT(remove(code(), "not it at all").pointers(), ::testing::ElementsAre("/current_password"));
    EXPECT_THAT(remove("000000").pointers(), ::testing::ElementsAre("/otp"));
    EXPECT_EQ(remove(code()).status, 204);
    EXPECT_EQ(log_in("ada").status, 200);
}

TEST_F(SecondFactor, TheSecretIsNotInTheStore)
{
    std::string text = begin().text("secret");
    auto read = [](sql::Connection& connection) {
        return connection.query("SELECT totp_secret FROM users").at(0).text(0);
    };
    std::string stored = database_->read_blocking(read);
    EXPECT_TRUE(SecretBox::is_sealed(stored));
    EXPECT_EQ(stored.find(text), std::string::npos);
}

TEST_F(SecondFactor, TheOperatorCanTakeItAway)
{
    enable();
    EXPECT_TRUE(commands().reset_totp("ada").has_value());
    EXPECT_EQ(log_in("ada").status, 200);
    EXPECT_FALSE(commands().reset_totp("nobody").has_value());
}

}  // namespace
}  // namespace gatehouse::auth
