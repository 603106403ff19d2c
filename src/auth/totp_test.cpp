// SPDX-License-Identifier: Apache-2.0
#include "auth/totp.hpp"

#include <gtest/gtest.h>

namespace gatehouse::auth {
namespace {

constexpr std::string_view secret = "12345678901234567890";

TimePoint at(std::int64_t unix_seconds) { return from_unix_ms(unix_seconds * 1000); }

// RFC 6238 appendix B, the last six of the eight digits.
TEST(Totp, IsThatOfTheRfc)
{
    struct Vector {
        std::int64_t time;
        const char* code;
    };
    for (const Vector& vector :
         {Vector{59, "287082"}, Vector{1111111109, "081804"}, Vector{1111111111, "050471"},
          Vector{1234567890, "005924"}, Vector{2000000000, "279037"}, Vector{20000000000, "353130"}})
        EXPECT_EQ(totp_code(secret, totp_step(at(vector.time))), vector.code) << vector.time;
}

TEST(Totp, TakesTheStepBeforeAndTheOneAfterAndNoOther)
{
    const std::int64_t now = 1'111'111'111;
    const std::int64_t step = totp_step(at(now));
    for (std::int64_t offset : {-1, 0, 1})
        EXPECT_EQ(match_totp(secret, totp_code(secret, step + offset), at(now), std::nullopt), step + offset);
    for (std::int64_t offset : {-2, 2, 1000})
        EXPECT_EQ(match_totp(secret, totp_code(secret, step + offset), at(now), std::nullopt), std::nullopt);
}

TEST(Totp, ACodeIsGoodOnceAndNoEarlierOneAfterIt)
{
    const std::int64_t now = 1'111'111'111;
    const std::int64_t step = totp_step(at(now));
    EXPECT_FALSE(match_totp(secret, totp_code(secret, step), at(now), step));
    EXPECT_FALSE(match_totp(secret, totp_code(secret, step - 1), at(now), step));
    EXPECT_TRUE(match_totp(secret, totp_code(secret, step + 1), at(now), step));
}

TEST(Totp, ReadsWhatPeopleTypeAndNothingElse)
{
    const std::int64_t now = 59;
    EXPECT_TRUE(match_totp(secret, "287 082", at(now), std::nullopt));
    for (const char* wrong : {"", "28708", "2870822", "94287082", "28708x"})
        EXPECT_FALSE(match_totp(secret, wrong, at(now), std::nullopt)) << wrong;
}

TEST(Totp, TheUriIsWhatAuthenticatorsRead)
{
    EXPECT_EQ(to_base32("foobar"), "MZXW6YTBOI");
    EXPECT_EQ(to_base32(""), "");
    EXPECT_EQ(totp_uri("foobar", "gate.example", "ada l@x"),
              "otpauth://totp/gate.example:ada%20l%40x?secret=MZXW6YTBOI&issuer=gate.example");
}

}  // namespace
}  // namespace gatehouse::auth
