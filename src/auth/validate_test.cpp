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

struct Keys : Validate {
    static std::string header_of(const std::string& token)
    {
        return from_base64url(token.substr(0, token.find('.'))).value_or("");
    }
    static std::string kid_of(const std::string& token)
    {
        return find_string(parse_json(header_of(token)).value().as_object(), "kid").value_or("");
    }
    std::string rotate(std::chrono::seconds ahead)
    {
        auth();
        auto made = commands().rotate_key({"EdDSA", config_.access_token_ttl, ahead});
        EXPECT_TRUE(made.has_value());
        auth().reload_keys();
        return made ? made->id : "";
    }
    std::size_t published() { return get("/.well-known/jwks.json").json().at("keys").as_array().size(); }
    void restart()
    {
        end_auth();
        auth();
    }
};

TEST_F(Keys, ArePublishedAndSignTheTokens)
{
    add_user("ada");
    std::string token = token_of("ada");
    auto answer = get("/.well-known/jwks.json");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.header("cache-control"), ::testing::HasSubstr("max-age=45")) << "half of key_publish_ahead";
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
    auto made = rotate(config_.key_publish_ahead);
    EXPECT_EQ(published(), 2u) << "at once";
    EXPECT_EQ(kid_of(token_of("ada")), kid_of(old_token)) << "nobody may know the new one yet";
    EXPECT_EQ(commands().list_keys()[0].state, "next");

    clock_.advance(config_.key_publish_ahead);
    std::string new_token = token_of("ada");
    EXPECT_EQ(kid_of(new_token), made);
    EXPECT_EQ(get("/validate", old_token).status, 200);
    EXPECT_EQ(get("/validate", new_token).status, 200);
    auto keys = commands().list_keys();
    ASSERT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys[0].id, made);
    EXPECT_EQ(keys[0].state, "active");
    EXPECT_EQ(keys[1].state, "retired");

    clock_.advance(config_.access_token_ttl + std::chrono::seconds{30});
    auth().reload_keys();
    EXPECT_EQ(published(), 2u) << "a token of the old one may still be in use";
    clock_.advance(std::chrono::seconds{31});
    auth().reload_keys();
    EXPECT_EQ(published(), 1u);
}

TEST_F(Keys, RotatedInAnEmergencySignAtOnceAlsoInsteadOfOneThatWaits)
{
    add_user("ada");
    auto waiting = rotate(config_.key_publish_ahead);
    auto made = rotate(std::chrono::seconds{0});
    EXPECT_EQ(kid_of(token_of("ada")), made);
    clock_.advance(config_.key_publish_ahead);
    EXPECT_EQ(kid_of(token_of("ada")), made) << "and go on";
    EXPECT_NE(waiting, made);
    EXPECT_EQ(published(), 3u);
}

TEST_F(Keys, RotateByThemselvesBeforeTheirTimeIsOver)
{
    add_user("ada");
    auto first = kid_of(token_of("ada"));
    clock_.advance(config_.key_rotation_interval - config_.key_publish_ahead - std::chrono::seconds{20});
    restart();
    EXPECT_EQ(published(), 1u);
    clock_.advance(std::chrono::seconds{10});
    restart();
    EXPECT_EQ(published(), 2u);
    EXPECT_EQ(kid_of(token_of("ada")), first);
    auto keys = commands().list_keys();
    EXPECT_EQ(keys[0].activates_at - keys[1].activates_at, config_.key_rotation_interval);
    clock_.advance(config_.key_publish_ahead + std::chrono::seconds{11});
    EXPECT_NE(kid_of(token_of("ada")), first);
    restart();
    EXPECT_EQ(published(), 2u) << "one is enough";
}

TEST_F(Keys, DoNotRotateByThemselvesWhenTheyMustNot)
{
    config_.key_rotation_interval = std::chrono::seconds{0};
    auth();
    clock_.advance(std::chrono::hours{24 * 365 * 10});
    restart();
    EXPECT_EQ(published(), 1u);
}

TEST_F(Keys, AreNeverMoreThanVerifiersTake)
{
    auth();
    std::string error;
    for (int i = 0; i < 70 && error.empty(); ++i) {
        auto made = commands().rotate_key({"EdDSA", config_.access_token_ttl, std::chrono::seconds{0}});
        if (!made)
            error = made.error();
    }
    EXPECT_THAT(error, ::testing::HasSubstr("must expire first"));
    auth().reload_keys();
    EXPECT_TRUE(identity::KeySet::from_jwks(get("/.well-known/jwks.json").json()).has_value());
}

TEST_F(Keys, ThatAreMadeAreAudited)
{
    auth();
    auto made = rotate(config_.key_publish_ahead);
    auto read = [](sql::Connection& connection) {
        std::vector<std::string> found;
        for (const auto& row :
             connection.query("SELECT actor, target FROM audit WHERE type = 'key.rotated' ORDER BY number"))
            found.push_back(row.text(0) + ' ' + row.text(1));
        return found;
    };
    auto records = database_->read_blocking(read);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_THAT(records[0], ::testing::StartsWith("gatehouse "));
    EXPECT_EQ(records[1], "command-line " + made);
}

TEST_F(Keys, ChangeTheirAlgorithmWithTheConfiguration)
{
    add_user("ada");
    std::string old_token = token_of("ada");
    config_.signing_algorithm = "ES256";
    restart();
    EXPECT_EQ(get("/validate", old_token).status, 200);
    auto metadata = get("/.well-known/openid-configuration").json();
    EXPECT_EQ(metadata.at("id_token_signing_alg_values_supported"), json::value(json::array{"ES256", "EdDSA"}));
    clock_.advance(config_.key_publish_ahead);
    std::string token = token_of("ada");
    EXPECT_THAT(header_of(token), ::testing::HasSubstr("ES256"));
    EXPECT_EQ(get("/validate", token).status, 200);
}

TEST_F(Keys, OfAnUnknownAlgorithmAreRefusedAtStart)
{
    config_.signing_algorithm = "HS256";
    EXPECT_THROW(auth(), std::runtime_error);
    EXPECT_FALSE(commands().rotate_key({"none", config_.access_token_ttl, config_.key_publish_ahead}).has_value());
}

TEST_F(Keys, AreFoundThroughDiscovery)
{
    for (const char* path : {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}) {
        auto answer = get(path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.text("issuer"), "https://gate.example");
        EXPECT_EQ(answer.text("jwks_uri"), "https://gate.example/.well-known/jwks.json");
        EXPECT_EQ(answer.header("content-type"), "application/json");
        EXPECT_THAT(answer.header("cache-control"), ::testing::HasSubstr("max-age=300"));
        // There is no grant, and no endpoint that would be needed for one.
        for (const char* none :
             {"response_types_supported", "grant_types_supported", "token_endpoint_auth_methods_supported"})
            EXPECT_EQ(answer.json().at(none), json::value(json::array{})) << none;
        for (const char* none : {"authorization_endpoint", "token_endpoint", "userinfo_endpoint"})
            EXPECT_FALSE(answer.json().contains(none)) << none;
    }
    auto openid = get("/.well-known/openid-configuration").json();
    EXPECT_EQ(openid.at("id_token_signing_alg_values_supported"), json::value(json::array{"EdDSA"}));
    EXPECT_EQ(openid.at("subject_types_supported"), json::value(json::array{"public"}));
    EXPECT_FALSE(
        get("/.well-known/oauth-authorization-server").json().contains("id_token_signing_alg_values_supported"));
}

struct IssuerWithASlash : testing::AuthTest {};

TEST_F(IssuerWithASlash, IsSaidAsItIsAndItsKeysAreNotBehindTwo)
{
    config_.issuer = "https://gate.example/";
    auto answer = get("/.well-known/oauth-authorization-server");
    EXPECT_EQ(answer.text("issuer"), "https://gate.example/");
    EXPECT_EQ(answer.text("jwks_uri"), "https://gate.example/.well-known/jwks.json");
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
