// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include "identity/token.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::basic;

struct Validate : testing::AuthTest {
    json::object claims_of(std::string_view token)
    {
        auto first = token.find('.');
        auto text = from_base64url(token.substr(first + 1, token.rfind('.') - first - 1));
        return parse_json(text.value()).value().get_object();
    }
    // The header and claims as given, under that signature text.
    static std::string forge(std::string_view header, const json::object& claims, std::string_view signature)
    {
        return to_base64url(header) + '.' + to_base64url(json::serialize(claims)) + '.' + std::string(signature);
    }
};

TEST_F(Validate, GivesTheClaimsAndTheIdentityFields)
{
    std::string id = add_user("Zo\xc3\xab", {"user", "admin"});
    std::string token = token_of("zo\xc3\xab");
    for (std::string_view method : {"GET", "POST"}) {
        auto answer = call(method, "/validate", {{"authorization", "Bearer " + token}, {"x-user-id", "forged"}});
        ASSERT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.json(), claims_of(token));
        EXPECT_EQ(answer.header("x-user-id"), id);
        EXPECT_EQ(answer.header("x-user-name"), "Zo%C3%AB");
        EXPECT_EQ(answer.header("x-user-roles"), "admin,user");
        EXPECT_EQ(answer.header("cache-control"), "no-store");
    }
}

TEST_F(Validate, TokenHoldsWhatIsPromised)
{
    std::string id = add_user("ada", {"admin"});
    json::object claims = claims_of(token_of("ada"));
    for (const char* name :
         {"iss", "sub", "aud", "exp", "iat", "jti", "sid", "username", "roles", "permissions", "admin"})
        EXPECT_TRUE(claims.contains(name)) << name;
    EXPECT_EQ(find_string(claims, "sub"), id);
    EXPECT_EQ(find_string(claims, "iss"), "https://gate.example");
    EXPECT_EQ(find_bool(claims, "admin"), true);
    EXPECT_EQ(find_integer(claims, "exp").value() - find_integer(claims, "iat").value(), 600);
}

TEST_F(Validate, RefusesForgedTokens)
{
    add_user("ada");
    std::string token = token_of("ada");
    json::object claims = claims_of(token);
    claims["admin"] = true;
    std::string header = from_base64url(token.substr(0, token.find('.'))).value();
    std::string signature = token.substr(token.rfind('.') + 1);
    auto stranger = identity::SigningKey::generate(identity::Algorithm::eddsa);
    identity::Claims own;
    own.issuer = config_.issuer;
    own.audience = config_.audience;
    own.subject = own.token_id = own.session_id = own.username = "x";
    own.issued_at = to_unix_seconds(clock_.now());
    own.expires_at = own.issued_at + 600;

    const std::string forged[] = {
        forge(header, claims, signature),
        forge(R"({"alg":"none","typ":"at+jwt"})", claims, ""),
        forge(R"({"alg":"none","typ":"at+jwt"})", claims, "AAAA"),
        identity::sign_token(own, stranger),
        token + '.',
        token.substr(0, token.size() - 1),
        "x",
    };
    for (const std::string& one : forged) {
        auto answer = get("/validate", one);
        EXPECT_EQ(answer.status, 401) << one;
        EXPECT_EQ(answer.code(), "invalid_token");
        EXPECT_THAT(answer.header("www-authenticate"), ::testing::HasSubstr(R"(error="invalid_token")"));
        EXPECT_EQ(answer.header("x-user-id"), "(none)");
    }
}

TEST_F(Validate, Answers401EvenForMalformedFields)
{
    EXPECT_EQ(get("/validate").status, 401);
    EXPECT_EQ(get("/validate").header("www-authenticate"), R"(Bearer realm="gatehouse")");
    EXPECT_EQ(call("GET", "/validate", {{"authorization", "Bearer"}}).status, 401);
    EXPECT_EQ(call("GET", "/validate", {{"authorization", "Bearer a b"}}).status, 401);
    EXPECT_EQ(call("GET", "/validate", {{"authorization", basic("a", "b")}}).status, 401);
    EXPECT_EQ(call("GET", "/validate", {{"authorization", "Bearer a"}, {"authorization", "Bearer b"}}).status, 401);
}

TEST_F(Validate, RefusesATokenOnceItHasExpired)
{
    add_user("ada");
    std::string token = token_of("ada");
    EXPECT_EQ(get("/validate", token).status, 200);
    clock_.advance(std::chrono::seconds{631});
    EXPECT_EQ(get("/validate", token).status, 401);
}

struct Keys : Validate {};

TEST_F(Keys, ArePublishedAndSignTheTokens)
{
    add_user("ada");
    std::string token = token_of("ada");
    auto answer = get("/.well-known/jwks.json");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.header("cache-control"), ::testing::HasSubstr("max-age=300"));
    auto set = identity::KeySet::from_jwks(answer.json());
    ASSERT_TRUE(set.has_value());
    identity::TokenRules rules{.issuer = config_.issuer, .audience = config_.audience};
    EXPECT_TRUE(identity::verify_token(token, *set, rules, clock_.now()).has_value());
    EXPECT_THAT(answer.body, ::testing::Not(::testing::HasSubstr("\"d\"")));
}

TEST_F(Keys, SurviveARestart)
{
    add_user("ada");
    std::string token = token_of("ada");
    end_auth();
    EXPECT_EQ(get("/validate", token).status, 200);
}

TEST_F(Keys, RotateWithOverlap)
{
    add_user("ada");
    std::string old_token = token_of("ada");
    auto made = commands().rotate_key("EdDSA", config_.access_token_ttl);
    ASSERT_TRUE(made.has_value());
    auth().reload_keys();
    std::string new_token = token_of("ada");
    EXPECT_THAT(from_base64url(new_token.substr(0, new_token.find('.'))).value(), ::testing::HasSubstr(made->id));
    EXPECT_EQ(get("/validate", old_token).status, 200);
    EXPECT_EQ(get("/validate", new_token).status, 200);
    EXPECT_EQ(get("/.well-known/jwks.json").json().at("keys").as_array().size(), 2u);

    auto keys = commands().list_keys();
    ASSERT_EQ(keys.size(), 2u);
    EXPECT_TRUE(keys[0].active);
    EXPECT_EQ(keys[0].id, made->id);
    EXPECT_TRUE(keys[1].retired_at.has_value());

    clock_.advance(std::chrono::seconds{661});
    auth().reload_keys();
    EXPECT_EQ(get("/.well-known/jwks.json").json().at("keys").as_array().size(), 1u);
}

TEST_F(Keys, ChangeTheirAlgorithmWithTheConfiguration)
{
    add_user("ada");
    std::string old_token = token_of("ada");
    end_auth();
    config_.signing_algorithm = "ES256";
    EXPECT_EQ(get("/validate", old_token).status, 200);
    std::string token = token_of("ada");
    EXPECT_THAT(from_base64url(token.substr(0, token.find('.'))).value(), ::testing::HasSubstr("ES256"));
    EXPECT_EQ(get("/validate", token).status, 200);
}

TEST_F(Keys, OfAnUnknownAlgorithmAreRefusedAtStart)
{
    config_.signing_algorithm = "HS256";
    EXPECT_THROW(auth(), std::runtime_error);
    EXPECT_FALSE(commands().rotate_key("none", config_.access_token_ttl).has_value());
}

TEST_F(Keys, AreFoundThroughDiscovery)
{
    for (const char* path : {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}) {
        auto answer = get(path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.text("issuer"), "https://gate.example");
        EXPECT_EQ(answer.text("jwks_uri"), "https://gate.example/.well-known/jwks.json");
        EXPECT_EQ(answer.json().at("id_token_signing_alg_values_supported"), json::value(json::array{"EdDSA"}));
    }
}

struct Internal : testing::AuthTest {};

TEST_F(Internal, UserIsForTheInstallationsOwnServicesOnly)
{
    std::string id = add_user("ada", {"admin"}, "ada@example.com");
    std::string path = "/internal/users/" + id;
    EXPECT_EQ(get(path).status, 401);
    EXPECT_EQ(get(path, token_of("ada")).status, 401);
    EXPECT_EQ(call("GET", path, {{"x-gatehouse-service", std::string(32, 'x')}}).status, 401);

    testing::Fields signed_fields{{"x-gatehouse-service", std::string(32, 's')}};
    auto answer = call("GET", path, signed_fields);
    ASSERT_EQ(answer.status, 200);
    json::object expected;
    expected["id"] = id;
    expected["username"] = "ada";
    expected["email"] = "ada@example.com";
    EXPECT_EQ(answer.json(), expected);
    EXPECT_EQ(call("GET", "/internal/users/nobody", signed_fields).status, 404);
}

}  // namespace
}  // namespace gatehouse::auth
