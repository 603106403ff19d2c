// SPDX-License-Identifier: Apache-2.0
// What a server is told about TLS, as values.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace gatehouse::http {

// PEM files: the certificate first, then the ones that lead to its authority.
struct CertificateFiles {
    std::string certificate;
    std::string key;
    bool operator==(const CertificateFiles&) const = default;
};

struct CertificateInfo {
    std::string file;
    std::vector<std::string> names;  // DNS names, in lower case, some with a leading "*."
    std::chrono::system_clock::time_point expires;
};

enum class TlsVersion { tls12, tls13 };

struct TlsServerOptions {
    std::vector<CertificateFiles> certificates;  // at least one; the first is for names that none has
    TlsVersion version_min = TlsVersion::tls12;
    bool http2 = false;  // offered by ALPN
};

// Throws std::runtime_error, one sentence that names the file: missing, malformed, or a key of another certificate.
CertificateInfo read_certificate(const CertificateFiles& files);

}  // namespace gatehouse::http
