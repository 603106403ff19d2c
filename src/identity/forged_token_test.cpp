// SPDX-License-Identifier: Apache-2.0
// Every known way to forge or misuse a token, and what the verifier says to it.
#include "identity/openssl.hpp"
#include "identity/token.hpp"
#include "identity/token_fixture.hpp"

#include <gtest/gtest.h>

#include <openssl/hmac.h>
#include <openssl/pem.h>

namespace gatehouse::identity {
namespace {

using testing::good_claims;
using testing::good_header;
using testing::keys;
using testing::now;
using testing::sign_texts;

const SigningKey& eddsa() { return keys().eddsa; }

// A token of the header and claims in order, after `change(header, claims)`, rightly signed.
template <class Change>
std::string changed(const SigningKey& key, Change change)
{
    json::object header = good_header(key);
    json::object claims = to_json(good_claims());
    change(header, claims);
    return sign_texts(json::serialize(header), json::serialize(claims), key);
}

template <class Value>
std::string with_claim(std::string_view name, const Value& value)
{
    return changed(eddsa(), [&](json::object&, json::object& claims) { claims[name] = value; });
}
std::string without_claim(std::string_view name)
{
    return changed(eddsa(), [&](json::object&, json::object& claims) { claims.erase(name); });
}
template <class Value>
std::string with_header(std::string_view name, const Value& value)
{
    return changed(eddsa(), [&](json::object& header, json::object&) { header[name] = value; });
}
// The claims as a text, `from` replaced by `to` once.
std::string with_claims_text(std::string_view from, std::string_view to)
{
    std::string text = json::serialize(to_json(good_claims()));
    auto at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
    return sign_texts(json::serialize(good_header(eddsa())), text, eddsa());
}
std::string with_header_text(std::string_view from, std::string_view to)
{
    std::string text = json::serialize(good_header(eddsa()));
    auto at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
    return sign_texts(text, json::serialize(to_json(good_claims())), eddsa());
}

std::string good_text(const SigningKey& key, std::string_view algorithm)
{
    json::object header = good_header(key);
    header["alg"] = algorithm;
    return to_base64url(json::serialize(header)) + '.' + to_base64url(json::serialize(to_json(good_claims())));
}
// `alg` as named, and that signature.
std::string with_signature(std::string_view algorithm, std::string_view signature, const SigningKey& key)
{
    return good_text(key, algorithm) + '.' + to_base64url(signature);
}
std::string hs256(std::string_view secret, const SigningKey& key)
{
    std::string text = good_text(key, "HS256");
    std::string mac(32, '\0');
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), as_bytes(text), text.size(), as_bytes(mac),
         &size);
    return text + '.' + to_base64url(mac);
}

std::string public_pem(const SigningKey& key)
{
    OpenSsl<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PUBKEY(bio.get(), keys().set.find(key.id())->key.get());
    char* data = nullptr;
    long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}
std::string public_der(const SigningKey& key)
{
    unsigned char* data = nullptr;
    int size = i2d_PUBKEY(keys().set.find(key.id())->key.get(), &data);
    std::string der(reinterpret_cast<char*>(data), static_cast<std::size_t>(size));
    OPENSSL_free(data);
    return der;
}
std::string trimmed(std::string text)
{
    text.pop_back();
    return text;
}

// ES256 as OpenSSL writes it.
std::string es256_in_der()
{
    std::string text = good_text(keys().es256, "ES256");
    std::string raw = keys().es256.sign(text);
    OpenSsl<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
    ECDSA_SIG_set0(signature.get(), BN_bin2bn(as_bytes(raw), 32, nullptr), BN_bin2bn(as_bytes(raw) + 32, 32, nullptr));
    unsigned char* data = nullptr;
    int size = i2d_ECDSA_SIG(signature.get(), &data);
    std::string der(reinterpret_cast<char*>(data), static_cast<std::size_t>(size));
    OPENSSL_free(data);
    return text + '.' + to_base64url(der);
}

// The last character's unused bits set: the same bytes to a careless decoder.
std::string loosely_encoded(std::string_view part)
{
    static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    EXPECT_NE(part.size() % 4, 0u) << "this part has no unused bits";
    std::string text(part);
    text.back() = alphabet[alphabet.find(text.back()) + 1];
    return text;
}
std::string with_loose_signature()
{
    std::string token = sign_token(good_claims(), eddsa());
    auto dot = token.rfind('.');
    return token.substr(0, dot + 1) + loosely_encoded(std::string_view(token).substr(dot + 1));
}
// Header or claims encoded loosely, and signed so.
std::string with_loose_part(bool header_part)
{
    std::string header = json::serialize(good_header(eddsa()));
    std::string claims = json::serialize(to_json(good_claims()));
    std::string& part = header_part ? header : claims;
    while (part.size() % 3 == 0)
        part += ' ';
    std::string head = to_base64url(header);
    std::string body = to_base64url(claims);
    std::string text =
        (header_part ? loosely_encoded(head) : head) + '.' + (header_part ? body : loosely_encoded(body));
    return text + '.' + to_base64url(eddsa().sign(text));
}
std::string with_padding()
{
    std::string token = sign_token(good_claims(), eddsa());
    return token + "==";
}
std::string by_a_stranger(std::string_view kid)
{
    static const SigningKey stranger = SigningKey::generate(Algorithm::eddsa);
    json::object header = good_header(stranger);
    header["kid"] = kid;
    return sign_texts(json::serialize(header), json::serialize(to_json(good_claims())), stranger);
}
std::string with_strangers_jwk()
{
    static const SigningKey stranger = SigningKey::generate(Algorithm::eddsa);
    json::object header = good_header(eddsa());
    header["jwk"] = stranger.public_jwk();
    return sign_texts(json::serialize(header), json::serialize(to_json(good_claims())), stranger);
}
std::string with_strangers_jku()
{
    static const SigningKey stranger = SigningKey::generate(Algorithm::eddsa);
    json::object header = good_header(eddsa());
    header["jku"] = "https://evil.example/jwks.json";
    header["x5u"] = "https://evil.example/cert.pem";
    return sign_texts(json::serialize(header), json::serialize(to_json(good_claims())), stranger);
}
std::string cut(std::size_t part)
{
    std::string token = sign_token(good_claims(), eddsa());
    auto first = token.find('.');
    auto second = token.find('.', first + 1);
    switch (part) {
    case 0: return token.substr(first);
    case 1: return token.substr(0, first + 1) + token.substr(second);
    default: return token.substr(0, second + 1);
    }
}
std::string grafted()
{
    // The claims of one rightly signed token under the signature of another.
    Claims other = good_claims();
    other.admin = true;
    std::string mine = sign_token(good_claims(), eddsa());
    std::string text =
        to_base64url(json::serialize(good_header(eddsa()))) + '.' + to_base64url(json::serialize(to_json(other)));
    return text + mine.substr(mine.rfind('.'));
}

struct Forgery {
    std::string_view name;
    TokenError expected;
    std::string (*make)();
};

using enum TokenError;

const Forgery forgeries[] = {
    // The algorithm.
    {"AlgNone", wrong_algorithm, [] { return with_signature("none", "x", eddsa()); }},
    {"AlgNoneTitle", wrong_algorithm, [] { return with_signature("None", "x", eddsa()); }},
    {"AlgNoneMixed", wrong_algorithm, [] { return with_signature("nOnE", "x", eddsa()); }},
    {"AlgEmpty", wrong_algorithm, [] { return with_signature("", "x", eddsa()); }},
    {"AlgNoneWithoutSignature", malformed, [] { return good_text(eddsa(), "none") + '.'; }},
    {"AlgNoneWithoutSecondDot", malformed, [] { return good_text(eddsa(), "none"); }},
    {"AlgNoneWithARightSignature", wrong_algorithm, [] { return with_header("alg", "none"); }},
    {"AlgLowerCase", wrong_algorithm, [] { return with_header("alg", "eddsa"); }},
    {"AlgMissing", malformed, [] { return with_header_text(R"("alg":"EdDSA",)", ""); }},
    {"AlgNull", malformed, [] { return with_header("alg", nullptr); }},
    {"AlgArray", malformed, [] { return with_header("alg", json::array{"EdDSA"}); }},
    {"AlgOfAnotherKey", wrong_algorithm, [] { return with_header("alg", "ES256"); }},
    {"Hs256WithEdPem", wrong_algorithm, [] { return hs256(public_pem(eddsa()), eddsa()); }},
    {"Hs256WithRsaPem", wrong_algorithm, [] { return hs256(public_pem(keys().rs256), keys().rs256); }},
    {"Hs256WithRsaPemTrimmed", wrong_algorithm, [] { return hs256(trimmed(public_pem(keys().rs256)), keys().rs256); }},
    {"Hs256WithRsaDer", wrong_algorithm, [] { return hs256(public_der(keys().rs256), keys().rs256); }},
    {"Hs256WithRsaJwk", wrong_algorithm,
     [] { return hs256(json::serialize(keys().rs256.public_jwk()), keys().rs256); }},
    {"Hs256WithEmptySecret", wrong_algorithm, [] { return hs256("", eddsa()); }},
    {"Hs256WithWeakSecret", wrong_algorithm, [] { return hs256("secret", eddsa()); }},
    // The key.
    {"KidMissing", malformed, [] { return with_header("kid", nullptr); }},
    {"KidUnknown", unknown_key, [] { return by_a_stranger("stranger"); }},
    {"KidEmpty", unknown_key, [] { return by_a_stranger(""); }},
    {"KidPathTraversal", unknown_key, [] { return by_a_stranger("../../../../dev/null"); }},
    {"KidSql", unknown_key, [] { return by_a_stranger("x' UNION SELECT 'key"); }},
    {"KidNul", unknown_key, [] { return by_a_stranger(std::string_view("\0", 1)); }},
    {"KidWithNulAfterIt", unknown_key, [] { return with_header("kid", eddsa().id() + '\0'); }},
    {"KidVeryLong", unknown_key, [] { return by_a_stranger(std::string(4000, 'k')); }},
    {"KidOfOursWithAStrangersKey", bad_signature, [] { return by_a_stranger(eddsa().id()); }},
    {"JwkInjected", bad_signature, with_strangers_jwk},
    {"JkuInjected", bad_signature, with_strangers_jku},
    // The signature.
    {"EdZeros", bad_signature, [] { return with_signature("EdDSA", std::string(64, '\0'), eddsa()); }},
    {"EdShort", bad_signature, [] { return with_signature("EdDSA", std::string(63, '\1'), eddsa()); }},
    {"Es256Zeros", bad_signature, [] { return with_signature("ES256", std::string(64, '\0'), keys().es256); }},
    {"Es256OnlySIsZero", bad_signature,
     [] { return with_signature("ES256", std::string(32, '\1') + std::string(32, '\0'), keys().es256); }},
    {"Es256RAndSAreTheOrder", bad_signature,
     [] {
         std::string order = from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
         return with_signature("ES256", order + order, keys().es256);
     }},
    {"Es256InDer", bad_signature, es256_in_der},
    {"Es256Short", bad_signature, [] { return with_signature("ES256", std::string(63, '\1'), keys().es256); }},
    {"Es256Long", bad_signature, [] { return with_signature("ES256", std::string(66, '\1'), keys().es256); }},
    {"Rs256Short", bad_signature, [] { return with_signature("RS256", std::string(255, '\1'), keys().rs256); }},
    {"Rs256Zeros", bad_signature, [] { return with_signature("RS256", std::string(256, '\0'), keys().rs256); }},
    {"Grafted", bad_signature, grafted},
    // The form.
    {"Empty", malformed, [] { return std::string(); }},
    {"OnlyDots", malformed, [] { return std::string(".."); }},
    {"OneDot", malformed, [] { return std::string("e30.e30"); }},
    {"TrailingDot", malformed, [] { return sign_token(good_claims(), eddsa()) + '.'; }},
    {"TrailingDots", malformed, [] { return sign_token(good_claims(), eddsa()) + "..."; }},
    {"LeadingDot", malformed, [] { return '.' + sign_token(good_claims(), eddsa()); }},
    {"FiveParts", malformed, [] { return sign_token(good_claims(), eddsa()) + ".e30.e30"; }},
    {"NoHeader", malformed, [] { return cut(0); }},
    {"NoClaims", malformed, [] { return cut(1); }},
    {"NoSignature", malformed, [] { return cut(2); }},
    {"TrailingSpace", malformed, [] { return sign_token(good_claims(), eddsa()) + ' '; }},
    {"LeadingSpace", malformed, [] { return ' ' + sign_token(good_claims(), eddsa()); }},
    {"TrailingNewline", malformed, [] { return sign_token(good_claims(), eddsa()) + '\n'; }},
    {"TrailingNul", malformed, [] { return sign_token(good_claims(), eddsa()) + '\0'; }},
    {"Padded", malformed, with_padding},
    {"LooseSignature", malformed, with_loose_signature},
    {"LooseHeader", malformed, [] { return with_loose_part(true); }},
    {"LooseClaims", malformed, [] { return with_loose_part(false); }},
    {"StandardBase64", malformed, [] { return with_signature("EdDSA", std::string(64, '\xff'), eddsa()) + "/+"; }},
    {"Huge", malformed, [] { return with_claim("username", std::string(1024 * 1024, 'x')); }},
    {"HeaderIsNotJson", malformed,
     [] { return sign_texts("{alg:EdDSA}", json::serialize(to_json(good_claims())), eddsa()); }},
    {"HeaderIsAnArray", malformed, [] { return sign_texts("[]", json::serialize(to_json(good_claims())), eddsa()); }},
    {"ClaimsAreNotJson", malformed,
     [] { return sign_texts(json::serialize(good_header(eddsa())), "username=ada", eddsa()); }},
    {"ClaimsAreAString", malformed, [] { return sign_texts(json::serialize(good_header(eddsa())), "\"x\"", eddsa()); }},
    {"NestedToken", malformed,
     [] { return sign_texts(json::serialize(good_header(eddsa())), sign_token(good_claims(), eddsa()), eddsa()); }},
    {"DuplicateHeaderKey", malformed, [] { return with_header_text("{", R"({"alg":"none",)"); }},
    {"DuplicateClaim", malformed, [] { return with_claims_text("{", R"({"admin":true,)"); }},
    {"DuplicateClaimEscaped", malformed, [] { return with_claims_text("{", R"({"\u0073ub":"x",)"); }},
    {"BytesThatAreNotUtf8", malformed, [] { return with_claims_text("ada@", "ad\xff@"); }},
    {"ExpInfinite", malformed, [] { return with_claims_text("1800000600", "1e400"); }},
    {"JsonComment", malformed, [] { return with_claims_text("{", "{/**/"); }},
    // The type and extensions.
    {"TypMissing", wrong_type, [] { return with_header_text(R"(,"typ":"at+jwt")", ""); }},
    {"TypOfAnIdToken", wrong_type, [] { return with_header("typ", "JWT"); }},
    {"TypOfALogoutToken", wrong_type, [] { return with_header("typ", "logout+jwt"); }},
    {"TypNotAString", wrong_type, [] { return with_header("typ", 1); }},
    {"Crit", wrong_type, [] { return with_header("crit", json::array{"exp"}); }},
    {"CritEmpty", wrong_type, [] { return with_header("crit", json::array{}); }},
    {"B64False", wrong_type, [] { return with_header("b64", false); }},
    {"B64FalseWithCrit", wrong_type,
     [] {
         return changed(eddsa(), [](json::object& header, json::object&) {
             header["b64"] = false;
             header["crit"] = json::array{"b64"};
         });
     }},
    // The claims.
    {"IssMissing", bad_claims, [] { return without_claim("iss"); }},
    {"IssOfAnother", wrong_issuer, [] { return with_claim("iss", "https://evil.example"); }},
    {"IssWithSlash", wrong_issuer, [] { return with_claim("iss", "https://gate.example/"); }},
    {"IssArray", bad_claims, [] { return with_claim("iss", json::array{"https://gate.example"}); }},
    {"AudMissing", bad_claims, [] { return without_claim("aud"); }},
    {"AudOfAnother", wrong_audience, [] { return with_claim("aud", "gatehouse2"); }},
    {"AudPrefix", wrong_audience, [] { return with_claim("aud", "gate"); }},
    {"AudEmptyArray", bad_claims, [] { return with_claim("aud", json::array{}); }},
    {"AudArrayOfOthers", wrong_audience, [] { return with_claim("aud", json::array{"a", "b"}); }},
    {"AudArrayMixed", bad_claims, [] { return with_claim("aud", json::array{1, "gatehouse"}); }},
    {"AudNested", bad_claims, [] { return with_claims_text(R"("aud":"gatehouse")", R"("aud":[["gatehouse"]])"); }},
    {"AudObject", bad_claims, [] { return with_claim("aud", json::object{{"gatehouse", true}}); }},
    {"SubMissing", bad_claims, [] { return without_claim("sub"); }},
    {"SubEmpty", bad_claims, [] { return with_claim("sub", ""); }},
    {"SubNumber", bad_claims, [] { return with_claim("sub", 1); }},
    {"SubLong", bad_claims, [] { return with_claim("sub", std::string(256, 'x')); }},
    {"JtiMissing", bad_claims, [] { return without_claim("jti"); }},
    {"SidMissing", bad_claims, [] { return without_claim("sid"); }},
    {"UsernameMissing", bad_claims, [] { return without_claim("username"); }},
    {"RolesString", bad_claims, [] { return with_claim("roles", "admin"); }},
    {"PermissionsMissing", bad_claims, [] { return without_claim("permissions"); }},
    {"PermissionsMixed", bad_claims, [] { return with_claim("permissions", json::array{"a", 1}); }},
    {"AdminString", bad_claims, [] { return with_claim("admin", "true"); }},
    {"AdminMissing", bad_claims, [] { return without_claim("admin"); }},
    {"ExpMissing", bad_claims, [] { return without_claim("exp"); }},
    {"ExpString", bad_claims, [] { return with_claim("exp", "1800000600"); }},
    {"ExpFloat", bad_claims, [] { return with_claims_text("1800000600", "1800000600.5"); }},
    {"ExpExponent", bad_claims, [] { return with_claims_text("1800000600", "18e8"); }},
    {"ExpNegative", bad_claims, [] { return with_claim("exp", -1); }},
    {"ExpBeyondInt64", bad_claims, [] { return with_claims_text("1800000600", "18446744073709551615"); }},
    {"ExpNearInt64Max", bad_claims, [] { return with_claim("exp", std::numeric_limits<std::int64_t>::max()); }},
    {"ExpNull", bad_claims, [] { return with_claim("exp", nullptr); }},
    {"ExpBeforeIat", bad_claims, [] { return with_claim("exp", to_unix_seconds(now) - 20); }},
    {"Expired", expired,
     [] {
         Claims claims = good_claims();
         claims.issued_at -= 1000;
         claims.expires_at = to_unix_seconds(now) - 30;
         return sign_token(claims, eddsa());
     }},
    {"IatMissing", bad_claims, [] { return without_claim("iat"); }},
    {"IatFuture", not_yet_valid, [] { return with_claim("iat", to_unix_seconds(now) + 31); }},
    {"NbfFuture", not_yet_valid, [] { return with_claim("nbf", to_unix_seconds(now) + 31); }},
    {"NbfString", bad_claims, [] { return with_claim("nbf", "0"); }},
};

class Forged : public ::testing::TestWithParam<Forgery> {};

TEST_P(Forged, TokenIsRefused)
{
    auto claims = verify_token(GetParam().make(), keys().set, testing::rules(), now);
    ASSERT_FALSE(claims.has_value());
    EXPECT_EQ(describe(claims.error()), describe(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(Table, Forged, ::testing::ValuesIn(forgeries),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Forged, NoSingleChangedCharacterPasses)
{
    std::string token = sign_token(good_claims(), eddsa());
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string other = token;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(verify_token(other, keys().set, testing::rules(), now).has_value()) << i;
    }
}

}  // namespace
}  // namespace gatehouse::identity
