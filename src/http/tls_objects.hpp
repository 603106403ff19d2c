// SPDX-License-Identifier: Apache-2.0
// OpenSSL's TLS objects with owners, and its error queue in words. Included by the sources that speak TLS.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace gatehouse::http {

template <auto Free>
struct TlsFree {
    template <class T>
    void operator()(T* object) const
    {
        Free(object);
    }
};

using UniqueSsl = std::unique_ptr<SSL, TlsFree<SSL_free>>;
using UniqueSslContext = std::unique_ptr<SSL_CTX, TlsFree<SSL_CTX_free>>;
using UniqueSslSession = std::unique_ptr<SSL_SESSION, TlsFree<SSL_SESSION_free>>;
using UniqueCertificate = std::unique_ptr<X509, TlsFree<X509_free>>;

// What went wrong last on this thread, for the log; the queue is empty afterwards.
std::string take_tls_error();

}  // namespace gatehouse::http
