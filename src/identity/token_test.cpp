// SPDX-License-Identifier: Apache-2.0
#include "identity/token.hpp"

#include "identity/token_fixture.hpp"

#include <gtest/gtest.h>

namespace gatehouse::identity {
namespace {

using testing::good_claims;
using testing::good_header;
using testing::keys;
using testing::now;
using testing::sign_texts;

TEST(Token, OfEachAlgorithmGivesBackItsClaims)
{
    for (const SigningKey* key : {&keys().eddsa, &keys().es256, &keys().rs256}) {
        auto claims = verify_token(sign_token(good_claims(), *key), keys().set, testing::rules(), now);
        ASSERT_TRUE(claims.has_value()) << to_string(key->algorithm()) << ": " << describe(claims.error());
        EXPECT_EQ(*claims, good_claims());
    }
}

TEST(Token, NamesItsTypeKeyAndAlgorithm)
{
    std::string token = sign_token(good_claims(), keys().eddsa);
    auto header = parse_json(from_base64url(token.substr(0, token.find('.'))).value()).value();
    EXPECT_EQ(header, json::value(good_header(keys().eddsa)));
}

TEST(Token, ExpiresAfterTheLeeway)
{
    Claims claims = good_claims();
    std::string token = sign_token(claims, keys().eddsa);
    TimePoint end{std::chrono::seconds{claims.expires_at}};
    using std::chrono::seconds;
    EXPECT_TRUE(verify_token(token, keys().set, testing::rules(), end + seconds{29}).has_value());
    EXPECT_EQ(verify_token(token, keys().set, testing::rules(), end + seconds{30}).error(), TokenError::expired);
}

TEST(Token, MayNameSeveralAudiencesAndTheLongTypeName)
{
    json::object header = good_header(keys().eddsa);
    header["typ"] = "application/AT+JWT";
    json::object claims = to_json(good_claims());
    claims["aud"] = json::array{"other", "gatehouse"};
    claims["nbf"] = to_unix_seconds(now);
    claims["unknown"] = json::object{};
    auto read = verify_token(sign_texts(json::serialize(header), json::serialize(claims), keys().eddsa), keys().set,
                             testing::rules(), now);
    ASSERT_TRUE(read.has_value()) << describe(read.error());
    EXPECT_EQ(read->audience, "gatehouse");
}

TEST(Claims, GrantAPermissionItselfAWholeAreaOrAll)
{
    Claims claims;
    claims.permissions = {"files:read", "admin:*"};
    EXPECT_TRUE(claims.may("files:read"));
    EXPECT_TRUE(claims.may("admin:users"));
    EXPECT_FALSE(claims.may("files:read:any"));
    EXPECT_FALSE(claims.may("files:write"));
    EXPECT_FALSE(claims.may("administrator"));
    EXPECT_FALSE(claims.may(""));
    claims.permissions = {"*"};
    EXPECT_TRUE(claims.may("anything:at:all"));
    claims.permissions = {};
    EXPECT_FALSE(claims.may("files:read"));
}

}  // namespace
}  // namespace gatehouse::identity
