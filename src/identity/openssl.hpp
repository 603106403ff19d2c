// SPDX-License-Identifier: Apache-2.0
// OpenSSL's objects with owners, and its error queue kept clean. Included by this folder's sources only.
#pragma once

#include "identity/keys.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace gatehouse::identity {

template <auto Free>
struct OpenSslFree {
    template <class T>
    void operator()(T* object) const
    {
        Free(object);
    }
};

template <class T, auto Free>
using OpenSsl = std::unique_ptr<T, OpenSslFree<Free>>;

using SharedKey = std::shared_ptr<evp_pkey_st>;

inline SharedKey share(EVP_PKEY* key)
{
    if (!key)
        return nullptr;
    return {key, EVP_PKEY_free};
}

inline unsigned char* as_bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
inline const unsigned char* as_bytes(const std::string& text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

// A context that verifies one signature of the key. Throws where the library can not (signature.cpp).
std::shared_ptr<const evp_md_ctx_st> prepare_verification(const SharedKey& key, Algorithm algorithm);

// Drops the errors that were queued since: the queue belongs to the thread, and TLS on the same thread would read them
// as its own.
class ErrorMark final {
public:
    ErrorMark() { ERR_set_mark(); }
    ~ErrorMark() { ERR_pop_to_mark(); }
    ErrorMark(const ErrorMark&) = delete;
    ErrorMark& operator=(const ErrorMark&) = delete;
};

// For what fails only when memory is short or the library is broken.
inline void check_openssl(bool succeeded, const char* doing)
{
    if (!succeeded)
        throw std::runtime_error(std::string(doing) + " failed");
}
inline void check_openssl(int result, const char* doing) { check_openssl(result > 0, doing); }

}  // namespace gatehouse::identity
