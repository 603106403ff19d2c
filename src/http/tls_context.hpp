// SPDX-License-Identifier: Apache-2.0
// What both sides of TLS have in common: versions, ciphers, and what is read from PEM files. No state, any thread.
#pragma once

#include "http/tls_objects.hpp"
#include "http/tls_options.hpp"

#include <string>
#include <string_view>

namespace gatehouse::http {

// Throws std::runtime_error with OpenSSL's reason unless it succeeded.
void check_tls(bool succeeded, std::string_view doing);

// TLS 1.2 and 1.3 from `version_min` on, forward secrecy and authenticated encryption only, no renegotiation, no
// compression, no session cache of OpenSSL's own.
UniqueSslContext make_tls_context(const SSL_METHOD* method, int version_min);

// Throw std::runtime_error, one sentence that names the file.
void use_certificate(SSL_CTX* context, const CertificateFiles& files);
void use_authorities(SSL_CTX* context, const std::string& file);

}  // namespace gatehouse::http
