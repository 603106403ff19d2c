// SPDX-License-Identifier: Apache-2.0
// Tokens of other issuers: what becomes of their claims, and that none is mistaken for one of ours.
#include "identity/external_token.hpp"

#include "identity/token_fixture.hpp"

#include <gmock/gmock.h>

namespace gatehouse::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::keys;
using testing::now;
using testing::sign_texts;

struct ExternalToken : ::testing::Test {
    ExternalRules rules{.name = "corp",
                        .issuer = "https://login.example/realms/corp",
                        .audience = "gatehouse",
                        .algorithms = {},
                        .username_claim = "preferred_username",
                        .roles_claim = "groups",
                        .roles = {{"staff", "employee"}, {"ops", "operator"}, {"sre", "operator"}},
                        .permissions = {{"employee", "orders:read"}, {"operator", "orders:*"}}};
    json::object header{{"alg", "RS256"}, {"kid", keys().rs256.id()}, {"typ", "JWT"}};
    json::object claims{{"iss", "https://login.example/realms/corp"},
                        {"sub", "4711"},
                        {"aud", json::array{"account", "gatehouse"}},
                        {"exp", to_unix_seconds(now) + 300},
                        {"preferred_username", "ada"},
                        {"groups", json::array{"staff", "sre", "unknown"}}};

    Result<Claims, TokenError> verify()
    {
        auto token = sign_texts(json::serialize(header), json::serialize(claims), keys().rs256);
        return verify_external_token(token, keys().set, rules, now);
    }
    std::string_view error()
    {
        auto verified = verify();
        return verified ? "accepted" : describe(verified.error());
    }
};

TEST_F(ExternalToken, BecomesClaimsThatAreNobodyOfOurs)
{
    auto verified = verify();
    ASSERT_TRUE(verified.has_value()) << describe(verified.error());
    EXPECT_EQ(verified->subject, "corp:4711");
    EXPECT_EQ(verified->username, "corp:ada");
    EXPECT_EQ(verified->issuer, rules.issuer);
    EXPECT_EQ(verified->audience, "gatehouse");
    EXPECT_EQ(verified->expires_at, to_unix_seconds(now) + 300);
    EXPECT_THAT(verified->roles, ElementsAre("employee", "operator"));
    EXPECT_THAT(verified->permissions, ElementsAre("orders:read", "orders:*"));
    EXPECT_FALSE(verified->admin);
    EXPECT_TRUE(verified->is_external());
}

TEST_F(ExternalToken, CannotSayItsRolesPermissionsOrAdminAsOurTokensDo)
{
    claims["roles"] = json::array{"admin"};
    claims["permissions"] = json::array{"*"};
    claims["admin"] = true;
    claims["sid"] = "0191f3a0-0000-7000-8000-000000000003";
    claims["groups"] = json::array{"admin", "*"};
    auto verified = verify();
    ASSERT_TRUE(verified.has_value());
    EXPECT_THAT(verified->roles, IsEmpty());
    EXPECT_THAT(verified->permissions, IsEmpty());
    EXPECT_FALSE(verified->admin);
    EXPECT_EQ(verified->session_id, "");
}

TEST_F(ExternalToken, MayHaveItsRolesInsideAnotherClaimOrInOneText)
{
    rules.roles_claim = "realm_access.roles";
    claims["realm_access"] = json::object{{"roles", json::array{"ops"}}};
    EXPECT_THAT(verify().value().roles, ElementsAre("operator"));
    rules.roles_claim = "scope";
    claims["scope"] = "openid  staff";
    EXPECT_THAT(verify().value().roles, ElementsAre("employee"));
    claims["scope"] = 1;
    EXPECT_THAT(verify().value().roles, IsEmpty());
    rules.roles_claim = "";
    EXPECT_THAT(verify().value().roles, IsEmpty());
}

TEST_F(ExternalToken, MayLackTypeAndUserName)
{
    header.erase("typ");
    claims.erase("preferred_username");
    EXPECT_EQ(verify().value().username, "corp:4711");
    header["typ"] = "at+jwt";
    EXPECT_EQ(error(), "accepted");
    header["typ"] = "logout+jwt";
    EXPECT_EQ(error(), describe(TokenError::wrong_type));
}

TEST_F(ExternalToken, MustBeOfTheTypeThatIsRequired)
{
    rules.require_access_token_type = true;
    EXPECT_EQ(error(), describe(TokenError::wrong_type));
    header["typ"] = "at+jwt";
    EXPECT_EQ(error(), "accepted");
}

TEST_F(ExternalToken, MustBeSignedAsItsIssuerIsAllowedTo)
{
    rules.algorithms = {Algorithm::es256};
    EXPECT_EQ(error(), describe(TokenError::wrong_algorithm));
    rules.algorithms = {Algorithm::es256, Algorithm::rs256};
    EXPECT_EQ(error(), "accepted");
    header["alg"] = "none";
    EXPECT_EQ(error(), describe(TokenError::wrong_algorithm));
    header["alg"] = "RS256";
    header["crit"] = json::array{"exp"};
    EXPECT_EQ(error(), describe(TokenError::wrong_type));
}

TEST_F(ExternalToken, IsRefusedForWhatOursAreRefusedFor)
{
    auto with = [this](std::string_view name, const json::value& value) {
        json::value before = claims.contains(name) ? claims.at(name) : json::value();
        bool was_there = claims.contains(name);
        claims[name] = value;
        auto result = std::string(error());
        if (was_there)
            claims[name] = before;
        else
            claims.erase(name);
        return result;
    };
    EXPECT_EQ(with("iss", "https://gate.example"), describe(TokenError::wrong_issuer));
    EXPECT_EQ(with("aud", "account"), describe(TokenError::wrong_audience));
    EXPECT_EQ(with("aud", nullptr), describe(TokenError::bad_claims));
    EXPECT_EQ(with("sub", ""), describe(TokenError::bad_claims));
    EXPECT_EQ(with("sub", json::string(251, 'x')), describe(TokenError::bad_claims)) << "with its prefix";
    EXPECT_EQ(with("preferred_username", 1), describe(TokenError::bad_claims));
    EXPECT_EQ(with("exp", to_unix_seconds(now) - 31), describe(TokenError::expired));
    EXPECT_EQ(with("exp", "soon"), describe(TokenError::bad_claims));
    EXPECT_EQ(with("nbf", to_unix_seconds(now) + 31), describe(TokenError::not_yet_valid));
    EXPECT_EQ(with("iat", to_unix_seconds(now) + 31), describe(TokenError::not_yet_valid));
    EXPECT_EQ(with("iat", 1.5), describe(TokenError::bad_claims));
    EXPECT_EQ(error(), "accepted");
    claims.erase("exp");
    EXPECT_EQ(error(), describe(TokenError::bad_claims));
}

TEST_F(ExternalToken, IsNoneOfOursAndOursIsNoneOfTheirs)
{
    auto theirs = sign_texts(json::serialize(header), json::serialize(claims), keys().rs256);
    EXPECT_FALSE(verify_token(theirs, keys().set, testing::rules(), now).has_value());
    auto ours = sign_token(testing::good_claims(), keys().eddsa);
    EXPECT_FALSE(verify_external_token(ours, keys().set, rules, now).has_value());
    EXPECT_EQ(peek_issuer(theirs), rules.issuer);
    EXPECT_EQ(peek_issuer(ours), "https://gate.example");
    EXPECT_EQ(peek_issuer("a.b"), std::nullopt);
    EXPECT_EQ(peek_issuer("e30.e30.e30"), std::nullopt);
}

}  // namespace
}  // namespace gatehouse::identity
