// SPDX-License-Identifier: Apache-2.0
#include "identity/keys.hpp"

#include "base/encoding.hpp"
#include "identity/token_fixture.hpp"

#include <gtest/gtest.h>

#include <openssl/err.h>

namespace gatehouse::identity {
namespace {

KeySet one_key(std::string_view jwk)
{
    auto value = parse_json(R"({"keys":[)" + std::string(jwk) + "]}");
    EXPECT_TRUE(value.has_value());
    auto set = KeySet::from_jwks(*value);
    EXPECT_TRUE(set.has_value()) << (set ? "" : set.error());
    return set ? std::move(*set) : KeySet{};
}

std::string error_of(std::string_view jwks)
{
    auto set = KeySet::from_jwks(parse_json(jwks).value());
    return set ? "" : set.error();
}

// RFC 8037, appendix A.
constexpr std::string_view ed25519_jwk =
    R"({"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
constexpr std::string_view ed25519_message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
constexpr std::string_view ed25519_signature =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

// RFC 7515, appendix A.3.
constexpr std::string_view p256_jwk =
    R"({"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr std::string_view p256_message =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ";
constexpr std::string_view p256_signature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

// RFC 7515, appendix A.2.
constexpr std::string_view rsa_jwk =
    R"({"kty":"RSA","kid":"rsa","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPC)"
    R"(JrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexM)"
    R"(dbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia)"
    R"(GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})";
constexpr std::string_view rsa_message =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ";
constexpr std::string_view rsa_signature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1d"
    "nZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwu"
    "sC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77R"
    "w";

// RFC 7638, section 3.1.
constexpr std::string_view thumbprint_jwk =
    R"({"kty":"RSA","kid":"2011-04-29","alg":"RS256","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4)"
    R"(cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v)"
    R"(-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4)"
    R"(lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"})";

struct Vector {
    std::string_view name, jwk, message, signature;
};

class Vectors : public ::testing::TestWithParam<Vector> {};

TEST_P(Vectors, VerifyAndNothingElseDoes)
{
    const Vector& vector = GetParam();
    KeySet set = one_key(vector.jwk);
    ASSERT_EQ(set.size(), 1u);
    std::string id = find_string(parse_json(vector.jwk)->get_object(), "kid").value();
    const auto* key = set.find(id);
    ASSERT_NE(key, nullptr);
    std::string signature = from_base64url(vector.signature).value();
    EXPECT_TRUE(set.verify(*key, vector.message, signature));
    EXPECT_FALSE(set.verify(*key, std::string(vector.message) + "x", signature));
    for (std::size_t i = 0; i < signature.size(); i += 7) {
        std::string changed = signature;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(set.verify(*key, vector.message, changed)) << i;
    }
    EXPECT_FALSE(set.verify(*key, vector.message, signature + '\0'));
    EXPECT_FALSE(set.verify(*key, vector.message, signature.substr(1)));
    EXPECT_FALSE(set.verify(*key, vector.message, ""));
    EXPECT_EQ(ERR_peek_error(), 0u) << "refusals leave nothing in the thread's error queue";
}

INSTANTIATE_TEST_SUITE_P(Rfc, Vectors,
                         ::testing::Values(Vector{"Ed25519", ed25519_jwk, ed25519_message, ed25519_signature},
                                           Vector{"ES256", p256_jwk, p256_message, p256_signature},
                                           Vector{"RS256", rsa_jwk, rsa_message, rsa_signature}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SigningKey, SignsTheEd25519VectorOfRfc8037)
{
    // The seed of appendix A.1 in a PKCS#8 frame.
    std::string der = from_hex("302e020100300506032b657004220420").value() +
                      from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").value();
    Secret pem("-----BEGIN PRIVATE KEY-----\n" + to_base64(der) + "\n-----END PRIVATE KEY-----\n");
    auto key = SigningKey::from_pem(pem, Algorithm::eddsa);
    EXPECT_EQ(to_base64url(key.sign(ed25519_message)), ed25519_signature);
    EXPECT_EQ(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST(Thumbprint, IsThatOfRfc7638)
{
    KeySet set = one_key(thumbprint_jwk);
    EXPECT_EQ(thumbprint(*set.find("2011-04-29")), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

class EachAlgorithm : public ::testing::TestWithParam<Algorithm> {};

TEST_P(EachAlgorithm, SurvivesPemAndVerifiesThroughItsPublishedForm)
{
    auto key = SigningKey::generate(GetParam());
    auto copy = SigningKey::from_pem(key.to_pem(), GetParam());
    EXPECT_EQ(copy.id(), key.id());
    EXPECT_TRUE(key.to_pem().reveal().starts_with("-----BEGIN PRIVATE KEY-----"));

    auto published = parse_json(json::serialize(to_jwks({key})));
    auto set = KeySet::from_jwks(published.value());
    ASSERT_TRUE(set.has_value());
    const auto* found = set->find(key.id());
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->algorithm, GetParam());
    EXPECT_EQ(thumbprint(*found), key.id());
    EXPECT_TRUE(set->verify(*found, "message", copy.sign("message")));
}

TEST_P(EachAlgorithm, PublishesNothingPrivate)
{
    json::object jwk = SigningKey::generate(GetParam()).public_jwk();
    for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "k"})
        EXPECT_FALSE(jwk.contains(member)) << member;
    EXPECT_EQ(jwk.at("use").as_string(), "sig");
}

INSTANTIATE_TEST_SUITE_P(All, EachAlgorithm, ::testing::Values(Algorithm::eddsa, Algorithm::es256, Algorithm::rs256),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST(SigningKey, RefusesAPemOfAnotherAlgorithmOrNone)
{
    Secret pem = testing::keys().es256.to_pem();
    EXPECT_THROW(SigningKey::from_pem(pem, Algorithm::eddsa), std::runtime_error);
    EXPECT_THROW(SigningKey::from_pem(pem, Algorithm::rs256), std::runtime_error);
    EXPECT_THROW(SigningKey::from_pem(Secret("not a key"), Algorithm::es256), std::runtime_error);
}

TEST(KeySet, SkipsKeysThatAreNotForUs)
{
    auto jwks = parse_json(R"({"keys":[
        {"kty":"oct","kid":"a","k":"AAAA"},
        {"kty":"OKP","crv":"X25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty":"EC","crv":"P-384","kid":"c","x":"AA","y":"AA"},
        {"kty":"OKP","crv":"Ed25519","kid":"d","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty":"OKP","crv":"Ed25519","kid":"e","alg":"HS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kid":"f"}
    ]})");
    auto set = KeySet::from_jwks(jwks.value());
    ASSERT_TRUE(set.has_value());
    EXPECT_EQ(set->size(), 0u);
}

TEST(KeySet, RefusesMalformedKeysOfOurs)
{
    EXPECT_NE(error_of("[]"), "");
    EXPECT_NE(error_of(R"({"keys":{}})"), "");
    EXPECT_NE(error_of(R"({"keys":["x"]})"), "");
    // No kid, a short one, one with padding, a private one.
    EXPECT_NE(error_of(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})"),
              "");
    EXPECT_NE(
        error_of(
            R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcH"}]})"),
        "");
    EXPECT_NE(
        error_of(
            R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}]})"),
        "");
    EXPECT_NE(
        error_of(
            R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","d":"AA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})"),
        "");
    // A point that is not on the curve.
    EXPECT_NE(
        error_of(R"({"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                 R"("y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]})"),
        "");
    // 1024 bits.
    std::string weak(128, '\xc5');
    EXPECT_NE(error_of(R"({"keys":[{"kty":"RSA","kid":"a","e":"AQAB","n":")" + to_base64url(weak) + R"("}]})"), "");
    // The same kid twice.
    std::string twice = R"({"keys":[)" + std::string(ed25519_jwk) + "," + std::string(ed25519_jwk) + "]}";
    EXPECT_EQ(error_of(twice), "two keys \"ed\"");
}

}  // namespace
}  // namespace gatehouse::identity
