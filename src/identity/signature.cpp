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

// One half of a raw signature as DER's INTEGER: no more zeros in front than its sign needs (X.690 section 8.3).
// False for zero, which verifies under any key where the library forgets to look.
bool append_integer(std::string& der, std::string_view half)
{
    half.remove_prefix(std::min(half.find_first_not_of('\0'), half.size()));
    if (half.empty())
        return false;
    bool needs_sign = (static_cast<unsigned char>(half.front()) & 0x80) != 0;
    der += '\x02';
    der += static_cast<char>(half.size() + (needs_sign ? 1 : 0));
    if (needs_sign)
        der += '\0';
    der += half;
    return true;
}

// Empty for numbers that are not a signature at all.
std::string der_from_raw(std::string_view raw)
{
    std::string der;
    der.reserve(2 * p256_half_bytes + 8);
    der.assign("\x30\x00", 2);  // a SEQUENCE; its length, below 128, follows
    if (!append_integer(der, raw.substr(0, p256_half_bytes)) || !append_integer(der, raw.substr(p256_half_bytes)))
        return {};
    der[1] = static_cast<char>(der.size() - 2);
    return der;
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

std::shared_ptr<const evp_md_ctx_st> prepare_verification(const SharedKey& key, Algorithm algorithm)
{
    std::shared_ptr<EVP_MD_CTX> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    check_openssl(context != nullptr, "preparing a verification");
    check_openssl(EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm), nullptr, key.get()),
                  "preparing a verification");
    return context;
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
    return context && EVP_MD_CTX_copy_ex(context.get(), key.prepared.get()) == 1 &&
           EVP_DigestVerify(context.get(), as_bytes(signature), signature.size(), as_bytes(message), message.size()) ==
               1;
}

}  // namespace gatehouse::identity
