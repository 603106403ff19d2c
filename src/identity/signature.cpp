// SPDX-License-Identifier: Apache-2.0
// The signatures of RFC 7518 and RFC 8037 on OpenSSL's EVP.
//
// ES256 on the wire is r || s, 32 bytes each; OpenSSL wants the DER form.
#include "identity/keys.hpp"
#include "identity/openssl.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>

#include <algorithm>

namespace gatehouse::identity {

namespace {

constexpr std::size_t ed25519_signature_bytes = 64;
constexpr std::size_t p256_half_bytes = 32;

// Fetched once: OpenSSL 3 takes a lock and a search for every implicit fetch. Null for EdDSA, which hashes by itself.
const EVP_MD* digest_of(Algorithm algorithm)
{
    static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    GH_ASSERT(sha256 != nullptr);
    return algorithm == Algorithm::eddsa ? nullptr : sha256;
}

const unsigned char* as_bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// Empty for numbers that are not a signature at all.
std::string der_from_raw(std::string_view raw)
{
    auto half = [](std::string_view bytes) {
        return BN_bin2bn(as_bytes(bytes), static_cast<int>(bytes.size()), nullptr);
    };
    OpenSsl<BIGNUM, BN_free> r(half(raw.substr(0, p256_half_bytes)));
    OpenSsl<BIGNUM, BN_free> s(half(raw.substr(p256_half_bytes)));
    // Zeros verify under any key where the library forgets to look.
    if (!r || !s || BN_is_zero(r.get()) == 1 || BN_is_zero(s.get()) == 1)
        return {};
    OpenSsl<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
    if (!signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1)
        return {};
    static_cast<void>(r.release());
    static_cast<void>(s.release());
    unsigned char* der = nullptr;
    int size = i2d_ECDSA_SIG(signature.get(), &der);
    if (size <= 0)
        return {};
    std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return bytes;
}

std::string raw_from_der(std::string_view der)
{
    const unsigned char* begin = as_bytes(der);
    OpenSsl<ECDSA_SIG, ECDSA_SIG_free> signature(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())));
    check_openssl(signature != nullptr, "reading a signature");
    std::string raw(2 * p256_half_bytes, '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(raw.data());
    check_openssl(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes, p256_half_bytes), "reading a signature");
    check_openssl(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes + p256_half_bytes, p256_half_bytes),
                  "reading a signature");
    return raw;
}

}  // namespace

std::string SigningKey::sign(std::string_view message) const
{
    OpenSsl<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    check_openssl(EVP_DigestSignInit(context.get(), nullptr, digest_of(algorithm_), nullptr, key_.get()), "signing");
    std::size_t size = 0;
    check_openssl(EVP_DigestSign(context.get(), nullptr, &size, as_bytes(message), message.size()), "signing");
    std::string signature(size, '\0');
    check_openssl(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                 as_bytes(message), message.size()),
                  "signing");
    signature.resize(size);
    if (algorithm_ == Algorithm::es256)
        return raw_from_der(signature);
    return signature;
}

bool KeySet::verify(const Key& key, std::string_view message, std::string_view signature) const
{
    ErrorMark mark;
    std::string der;
    switch (key.algorithm) {
    case Algorithm::eddsa:
        if (signature.size() != ed25519_signature_bytes)
            return false;
        break;
    case Algorithm::es256:
        if (signature.size() != 2 * p256_half_bytes)
            return false;
        der = der_from_raw(signature);
        if (der.empty())
            return false;
        signature = der;
        break;
    case Algorithm::rs256:
        if (signature.size() != static_cast<std::size_t>(EVP_PKEY_get_size(key.key.get())))
            return false;
        break;
    }
    OpenSsl<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, digest_of(key.algorithm), nullptr, key.key.get()) == 1 &&
           EVP_DigestVerify(context.get(), as_bytes(signature), signature.size(), as_bytes(message), message.size()) ==
               1;
}

}  // namespace gatehouse::identity
