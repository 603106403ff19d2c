// SPDX-License-Identifier: Apache-2.0
// What the two sides of TLS are told, as values.
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

// For connections to a service. Its certificate is always verified.
struct TlsClientOptions {
    std::string authorities;    // PEM file of those that may vouch for it; empty: the system's
    std::string server_name;    // that its certificate must be valid for; empty: the host of its URL
    CertificateFiles identity;  // who we are, for a service that asks; both empty: nobody
    bool operator==(const TlsClientOptions&) const = default;
};

// Throws std::runtime_error, one sentence that names the file: missing, malformed, or a key of another certificate.
CertificateInfo read_certificate(const CertificateFiles& files);

// Throws std::runtime_error, one sentence that names the file: missing, malformed, or without a certificate.
void read_authorities(const std::string& file);

}  // namespace gatehouse::http
