// SPDX-License-Identifier: Apache-2.0
#include "base/digest.hpp"

#include "base/error.hpp"

#include <openssl/evp.h>

namespace gatehouse {

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

std::optional<Digest> Digest::find(std::string_view algorithm)
{
    const EVP_MD* chosen = algorithm == "md5"      ? EVP_md5()
                           : algorithm == "sha1"   ? EVP_sha1()
                           : algorithm == "sha256" ? EVP_sha256()
                                                   : nullptr;
    if (!chosen)
        return std::nullopt;
    Digest digest(EVP_MD_CTX_new());
    GH_ASSERT(digest.context_);
    // A library in FIPS mode has no MD5.
    if (EVP_DigestInit_ex(digest.context_.get(), chosen, nullptr) != 1)
        return std::nullopt;
    return digest;
}

std::size_t Digest::size() const { return static_cast<std::size_t>(EVP_MD_CTX_get_size(context_.get())); }

void Digest::update(std::string_view bytes)
{
    GH_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::finish()
{
    std::string digest(size(), '\0');
    GH_ASSERT(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1);
    return digest;
}

}  // namespace gatehouse
