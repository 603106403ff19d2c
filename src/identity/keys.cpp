// SPDX-License-Identifier: Apache-2.0
#include "identity/keys.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "identity/openssl.hpp"

#include <fmt/format.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <algorithm>

namespace gatehouse::identity {

namespace {

constexpr std::size_t ed25519_key_bytes = 32;
constexpr std::size_t p256_field_bytes = 32;
constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;
constexpr std::size_t keys_max = 64;
constexpr std::size_t key_id_bytes_max = 256;

std::string raw_public_key(evp_pkey_st* key)
{
    std::string bytes(ed25519_key_bytes, '\0');
    std::size_t size = bytes.size();
    check_openssl(EVP_PKEY_get_raw_public_key(key, as_bytes(bytes), &size), "reading a public key");
    return bytes;
}

// A number of the key, big-endian: padded to `size` bytes, or without leading zeros for 0.
std::string number_of(evp_pkey_st* key, const char* parameter, std::size_t size)
{
    BIGNUM* raw = nullptr;
    check_openssl(EVP_PKEY_get_bn_param(key, parameter, &raw), "reading a public key");
    OpenSsl<BIGNUM, BN_free> number(raw);
    std::string bytes(size != 0 ? size : static_cast<std::size_t>(BN_num_bytes(raw)), '\0');
    check_openssl(BN_bn2binpad(raw, as_bytes(bytes), static_cast<int>(bytes.size())), "reading a public key");
    return bytes;
}

// The members that RFC 7638 section 3.2 names, in its order: the key itself and nothing about it.
json::object essential_jwk(evp_pkey_st* key, Algorithm algorithm)
{
    json::object jwk;
    switch (algorithm) {
    case Algorithm::eddsa:
        jwk["crv"] = "Ed25519";
        jwk["kty"] = "OKP";
        jwk["x"] = to_base64url(raw_public_key(key));
        break;
    case Algorithm::es256:
        jwk["crv"] = "P-256";
        jwk["kty"] = "EC";
        jwk["x"] = to_base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, p256_field_bytes));
        jwk["y"] = to_base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, p256_field_bytes));
        break;
    case Algorithm::rs256:
        jwk["e"] = to_base64url(number_of(key, OSSL_PKEY_PARAM_RSA_E, 0));
        jwk["kty"] = "RSA";
        jwk["n"] = to_base64url(number_of(key, OSSL_PKEY_PARAM_RSA_N, 0));
        break;
    }
    return jwk;
}

std::string thumbprint_of(evp_pkey_st* key, Algorithm algorithm)
{
    return to_base64url(sha256(json::serialize(essential_jwk(key, algorithm))));
}

bool is_p256(evp_pkey_st* key)
{
    std::string group(64, '\0');
    std::size_t size = 0;
    return EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
           group.substr(0, size) == "prime256v1";
}

bool fits(evp_pkey_st* key, Algorithm algorithm)
{
    switch (algorithm) {
    case Algorithm::eddsa: return EVP_PKEY_is_a(key, "ED25519") == 1;
    case Algorithm::es256: return EVP_PKEY_is_a(key, "EC") == 1 && is_p256(key);
    case Algorithm::rs256: {
        int bits = EVP_PKEY_get_bits(key);
        return EVP_PKEY_is_a(key, "RSA") == 1 && bits >= rsa_bits_min && bits <= rsa_bits_max;
    }
    }
    return false;
}

SharedKey make_public_key(const char* type, OSSL_PARAM_BLD* builder)
{
    OpenSsl<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder));
    OpenSsl<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        return nullptr;
    return share(key);
}

// The decoded member; empty when it is not there, not a string or not canonical base64url.
std::string bytes_of(const json::object& jwk, std::string_view member)
{
    auto text = find_string(jwk, member);
    if (!text)
        return {};
    return from_base64url(*text).value_or("");
}

SharedKey ed25519_from(const json::object& jwk)
{
    std::string x = bytes_of(jwk, "x");
    if (x.size() != ed25519_key_bytes)
        return nullptr;
    return share(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, as_bytes(x), x.size()));
}

SharedKey p256_from(const json::object& jwk)
{
    std::string x = bytes_of(jwk, "x");
    std::string y = bytes_of(jwk, "y");
    if (x.size() != p256_field_bytes || y.size() != p256_field_bytes)
        return nullptr;
    std::string point = '\x04' + x + y;
    OpenSsl<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    SharedKey key = make_public_key("EC", builder.get());
    OpenSsl<EVP_PKEY_CTX, EVP_PKEY_CTX_free> check(key ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)
                                                       : nullptr);
    if (!check || EVP_PKEY_public_check(check.get()) != 1)
        return nullptr;
    return key;
}

SharedKey rsa_from(const json::object& jwk)
{
    std::string n = bytes_of(jwk, "n");
    std::string e = bytes_of(jwk, "e");
    // An exponent beyond 64 bits makes every verification slow.
    if (n.empty() || n.size() > rsa_bits_max / 8 || n[0] == '\0' || e.empty() || e.size() > 8 || e[0] == '\0')
        return nullptr;
    auto number = [](const std::string& bytes) {
        return OpenSsl<BIGNUM, BN_free>(BN_bin2bn(as_bytes(bytes), static_cast<int>(bytes.size()), nullptr));
    };
    auto modulus = number(n);
    auto exponent = number(e);
    if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) == 1)
        return nullptr;
    OpenSsl<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    return make_public_key("RSA", builder.get());
}

// Which of our algorithms the key is for; nullopt for a key that is not for us.
std::optional<Algorithm> algorithm_of(const json::object& jwk)
{
    std::string type = find_string(jwk, "kty").value_or("");
    std::string curve = find_string(jwk, "crv").value_or("");
    std::optional<Algorithm> algorithm;
    if (type == "OKP" && curve == "Ed25519")
        algorithm = Algorithm::eddsa;
    else if (type == "EC" && curve == "P-256")
        algorithm = Algorithm::es256;
    else if (type == "RSA")
        algorithm = Algorithm::rs256;
    if (!algorithm)
        return std::nullopt;
    if (jwk.contains("alg") && find_string(jwk, "alg") != to_string(*algorithm))
        return std::nullopt;
    if (jwk.contains("use") && find_string(jwk, "use") != "sig")
        return std::nullopt;
    return algorithm;
}

SharedKey key_from(const json::object& jwk, Algorithm algorithm)
{
    ErrorMark mark;
    SharedKey key;
    switch (algorithm) {
    case Algorithm::eddsa: key = ed25519_from(jwk); break;
    case Algorithm::es256: key = p256_from(jwk); break;
    case Algorithm::rs256: key = rsa_from(jwk); break;
    }
    if (!key || !fits(key.get(), algorithm))
        return nullptr;
    return key;
}

// PEM readers ask a terminal for a pass phrase unless told not to.
int no_pass_phrase(char*, int, int, void*) { return -1; }

}  // namespace

std::string_view to_string(Algorithm algorithm)
{
    switch (algorithm) {
    case Algorithm::eddsa: return "EdDSA";
    case Algorithm::es256: return "ES256";
    case Algorithm::rs256: return "RS256";
    }
    return "";
}

std::optional<Algorithm> find_algorithm(std::string_view name)
{
    for (Algorithm algorithm : {Algorithm::eddsa, Algorithm::es256, Algorithm::rs256})
        if (name == to_string(algorithm))
            return algorithm;
    return std::nullopt;
}

SigningKey::SigningKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm)
    : key_(std::move(key)), algorithm_(algorithm), id_(thumbprint_of(key_.get(), algorithm))
{
}

SigningKey SigningKey::generate(Algorithm algorithm)
{
    EVP_PKEY* key = nullptr;
    switch (algorithm) {
    case Algorithm::eddsa: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"); break;
    case Algorithm::es256: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"); break;
    case Algorithm::rs256: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{rsa_bits_min}); break;
    }
    check_openssl(key != nullptr, "making a signing key");
    return {share(key), algorithm};
}

SigningKey SigningKey::from_pem(const Secret& pem, Algorithm algorithm)
{
    ErrorMark mark;
    std::string_view text = pem.reveal();
    OpenSsl<BIO, BIO_free_all> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    auto key = share(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
    if (!key)
        throw std::runtime_error("a signing key is not a readable PKCS#8 PEM");
    if (!fits(key.get(), algorithm))
        throw std::runtime_error(fmt::format("a signing key is not one for {}", to_string(algorithm)));
    return {std::move(key), algorithm};
}

Secret SigningKey::to_pem() const
{
    OpenSsl<BIO, BIO_free_all> bio(BIO_new(BIO_s_secmem()));
    check_openssl(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr),
                  "writing a signing key");
    char* data = nullptr;
    long size = BIO_get_mem_data(bio.get(), &data);
    return Secret(std::string(data, static_cast<std::size_t>(size)));
}

json::object SigningKey::public_jwk() const
{
    json::object jwk = essential_jwk(key_.get(), algorithm_);
    jwk["kid"] = id_;
    jwk["alg"] = to_string(algorithm_);
    jwk["use"] = "sig";
    return jwk;
}

KeySet KeySet::of(const std::vector<SigningKey>& keys)
{
    json::value jwks = to_jwks(keys);
    auto set = from_jwks(jwks);
    GH_ASSERT(set.has_value());
    return std::move(*set);
}

Result<KeySet, std::string> KeySet::from_jwks(const json::value& jwks)
{
    const json::object* object = jwks.if_object();
    const json::value* list = object ? object->if_contains("keys") : nullptr;
    if (!list || !list->is_array())
        return std::unexpected("a key set is an object with an array \"keys\"");
    if (list->get_array().size() > keys_max)
        return std::unexpected(fmt::format("more than {} keys", keys_max));

    KeySet set;
    for (const json::value& entry : list->get_array()) {
        const json::object* jwk = entry.if_object();
        if (!jwk)
            return std::unexpected("a key is not an object");
        auto algorithm = algorithm_of(*jwk);
        if (!algorithm)
            continue;
        auto id = find_string(*jwk, "kid");
        if (!id || id->empty() || id->size() > key_id_bytes_max)
            return std::unexpected("a key without a usable \"kid\"");
        if (jwk->contains("d"))
            return std::unexpected(fmt::format("key \"{}\" is private", *id));
        if (set.find(*id))
            return std::unexpected(fmt::format("two keys \"{}\"", *id));
        auto key = key_from(*jwk, *algorithm);
        if (!key)
            return std::unexpected(fmt::format("key \"{}\" is malformed or too weak", *id));
        auto prepared = prepare_verification(key, *algorithm);
        set.keys_.push_back(Key{std::move(*id), *algorithm, std::move(key), std::move(prepared)});
    }
    return set;
}

const KeySet::Key* KeySet::find(std::string_view id) const
{
    auto found = std::ranges::find(keys_, id, &Key::id);
    return found == keys_.end() ? nullptr : &*found;
}

std::string thumbprint(const KeySet::Key& key) { return thumbprint_of(key.key.get(), key.algorithm); }

json::object to_jwks(const std::vector<SigningKey>& keys)
{
    json::array list;
    for (const SigningKey& key : keys)
        list.push_back(key.public_jwk());
    json::object jwks;
    jwks["keys"] = std::move(list);
    return jwks;
}

}  // namespace gatehouse::identity
