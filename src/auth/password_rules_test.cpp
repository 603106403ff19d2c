// SPDX-License-Identifier: Apache-2.0
#include "auth/password_rules.hpp"

#include "auth/common_passwords.hpp"

#include <gtest/gtest.h>

namespace gatehouse::auth {
namespace {

bool wrong(std::string_view password) { return check_new_password(password, {"adalovelace", ""}).has_value(); }

TEST(NewPassword, IsOfReasonableLength)
{
    EXPECT_TRUE(wrong(""));
    EXPECT_TRUE(wrong("1z34x67"));
    EXPECT_FALSE(wrong("1z34x678"));
    EXPECT_FALSE(wrong(std::string(128, 'x')));
    EXPECT_TRUE(wrong(std::string(129, 'x')));
    EXPECT_TRUE(wrong("\xff\xfe\xff\xfe\xff\xfe\xff\xfe"));
    std::string accented;
    for (int i = 0; i < 128; ++i)
        accented += "\xc3\xa9";
    EXPECT_FALSE(wrong(accented)) << "characters are counted, not bytes";
    EXPECT_TRUE(wrong("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"));
}

TEST(NewPassword, IsNoneOfTheMostCommonOnes)
{
    for (const char* common : {"password", "PassWord", "12345678", "qwertyuiop", "iloveyou", "11111111", "trustno1"})
        EXPECT_TRUE(wrong(common)) << common;
    EXPECT_FALSE(wrong("password horse"));
    EXPECT_TRUE(is_common_password("01011980")) << "the first of the table";
    EXPECT_FALSE(is_common_password(""));
}

TEST(NewPassword, IsMoreThanTheUsersNameOrAddress)
{
    auto of_ada = [](std::string_view password) {
        return check_new_password(password, {"ada", "ada.lovelace@example.org"}).has_value();
    };
    EXPECT_TRUE(wrong("AdaLovelace"));
    EXPECT_TRUE(of_ada("lovelace1815"));
    EXPECT_TRUE(of_ada("!Lovelace!Lovelace!"));
    EXPECT_TRUE(of_ada("example.org"));
    EXPECT_TRUE(of_ada("gatehouse123"));
    EXPECT_FALSE(of_ada("lovelace wrote the first program"));
    EXPECT_FALSE(of_ada("adamant pillow")) << "three letters stand in many words";
}

TEST(NewPassword, NeedsNoMixtureOfCharacters)
{
    EXPECT_FALSE(wrong("tractorpianofern"));
    EXPECT_FALSE(wrong("48151623420815"));
}

}  // namespace
}  // namespace gatehouse::auth
