// SPDX-License-Identifier: Apache-2.0
// Certificates made in the test: an authority and what it vouches for, as PEM files.
#pragma once

#include "http/tls_objects.hpp"
#include "http/tls_server.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace gatehouse::testing {

using UniqueKey = std::unique_ptr<EVP_PKEY, http::TlsFree<EVP_PKEY_free>>;

class CertificateAuthority final {
public:
    // Its own certificate is `directory`/NAME.pem.
    explicit CertificateAuthority(std::filesystem::path directory, std::string name = "authority")
        : directory_(std::move(directory)), name_(std::move(name)), key_(make_key())
    {
        certificate_ = make(key_.get(), "CA:TRUE", "", std::chrono::hours{24});
        write_certificate(file(), certificate_.get());
    }

    std::string file() const { return (directory_ / (name_ + ".pem")).string(); }

    // `names` as OpenSSL writes them: "DNS:a.example,DNS:*.b.example,IP:127.0.0.1". Expired with a negative `life`.
    // The same `file` again replaces what is there.
    http::CertificateFiles issue(const std::string& file, const std::string& names,
                                 std::chrono::seconds life = std::chrono::hours{1}) const
    {
        UniqueKey key = make_key();
        auto certificate = make(key.get(), "CA:FALSE", names, life);
        http::CertificateFiles files{(directory_ / (file + ".pem")).string(), (directory_ / (file + ".key")).string()};
        write_certificate(files.certificate, certificate.get());
        write_key(files.key, key.get());
        return files;
    }

private:
    static UniqueKey make_key() { return UniqueKey(EVP_EC_gen("P-256")); }

    static void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value)
    {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
        if (!extension || X509_add_ext(certificate, extension, -1) != 1)
            throw std::runtime_error("cannot add an extension: " + value);
        X509_EXTENSION_free(extension);
    }

    http::UniqueCertificate make(EVP_PKEY* key, const std::string& constraints, const std::string& names,
                                 std::chrono::seconds life) const
    {
        http::UniqueCertificate certificate(X509_new());
        X509* it = certificate.get();
        X509_set_version(it, 2);
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(it), ++last_serial());
        X509_gmtime_adj(X509_getm_notBefore(it), -86'400);
        X509_gmtime_adj(X509_getm_notAfter(it), life.count());
        X509_set_pubkey(it, key);
        X509* issuer = certificate_ ? certificate_.get() : it;
        const std::string& common = certificate_ ? names : name_;
        X509_NAME_add_entry_by_txt(X509_get_subject_name(it), "O", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
        X509_set_issuer_name(it, X509_get_subject_name(issuer));
        add_extension(it, issuer, NID_basic_constraints, "critical," + constraints);
        if (!names.empty())
            add_extension(it, issuer, NID_subject_alt_name, names);
        if (X509_sign(it, key_.get(), EVP_sha256()) == 0)
            throw std::runtime_error("cannot sign");
        return certificate;
    }

    static std::uint64_t& last_serial()
    {
        static std::uint64_t serial = 1;
        return serial;
    }

    template <class Write>
    static void write(const std::string& file, Write write_pem)
    {
        std::FILE* out = std::fopen(file.c_str(), "w");
        bool fine = out && write_pem(out) == 1;
        if (out)
            std::fclose(out);
        if (!fine)
            throw std::runtime_error("cannot write " + file);
    }
    static void write_certificate(const std::string& file, X509* certificate)
    {
        write(file, [&](std::FILE* out) { return PEM_write_X509(out, certificate); });
    }
    static void write_key(const std::string& file, EVP_PKEY* key)
    {
        write(file,
              [&](std::FILE* out) { return PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
    }

    std::filesystem::path directory_;
    std::string name_;
    UniqueKey key_;
    http::UniqueCertificate certificate_;
};

}  // namespace gatehouse::testing
