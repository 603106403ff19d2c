// SPDX-License-Identifier: Apache-2.0
#include "http/tls_context.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include <unistd.h>

namespace gatehouse::http {

namespace {

constexpr const char* ciphers_of_tls12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                         "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                                         "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* ciphers_of_tls13 = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr const char* groups = "X25519:P-256:P-384";

// A key that is protected by a password would make OpenSSL ask on the terminal.
int no_password(char*, int, int, void*) { return 0; }

void check_readable(const std::string& file, std::string_view what)
{
    std::error_code error;
    auto status = std::filesystem::status(file, error);
    if (error == std::errc::permission_denied)
        throw std::runtime_error(fmt::format("the {} file {} cannot be read: {}", what, file, error.message()));
    if (!std::filesystem::exists(status))
        throw std::runtime_error(fmt::format("the {} file {} does not exist", what, file));
    if (!std::filesystem::is_regular_file(status))
        throw std::runtime_error(fmt::format("the {} {} is no file", what, file));
    if (::access(file.c_str(), R_OK) != 0)
        throw std::runtime_error(
            fmt::format("the {} file {} cannot be read: {}", what, file, std::generic_category().message(errno)));
}

}  // namespace

void check_tls(bool succeeded, std::string_view doing)
{
    if (!succeeded)
        throw std::runtime_error(fmt::format("TLS: cannot {}: {}", doing, take_tls_error()));
}

UniqueSslContext make_tls_context(const SSL_METHOD* method, int version_min)
{
    UniqueSslContext made(SSL_CTX_new(method));
    SSL_CTX* context = made.get();
    check_tls(context != nullptr, "make a context");
    check_tls(SSL_CTX_set_min_proto_version(context, version_min) == 1 &&
                  SSL_CTX_set_cipher_list(context, ciphers_of_tls12) == 1 &&
                  SSL_CTX_set_ciphersuites(context, ciphers_of_tls13) == 1 &&
                  SSL_CTX_set1_groups_list(context, groups) == 1,
              "set the versions and ciphers");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Idle connections keep no buffers; one system call reads a record's head and its content.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return made;
}

void use_certificate(SSL_CTX* context, const CertificateFiles& files)
{
    check_readable(files.certificate, "certificate");
    check_readable(files.key, "key");
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, no_password);
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
        throw std::runtime_error(
            fmt::format("the certificate file {} cannot be used: {}", files.certificate, take_tls_error()));
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
        std::string error = take_tls_error();
        throw std::runtime_error(other ? fmt::format("the key file {} does not belong to the certificate file {}",
                                                     files.key, files.certificate)
                                       : fmt::format("the key file {} cannot be used: {}", files.key, error));
    }
    if (SSL_CTX_check_private_key(context) != 1)
        throw std::runtime_error(
            fmt::format("the key file {} does not belong to the certificate file {}", files.key, files.certificate));
}

void use_authorities(SSL_CTX* context, const std::string& file)
{
    check_readable(file, "authorities");
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(context, file.c_str()) != 1)
        throw std::runtime_error(fmt::format("the authorities file {} cannot be used: {}", file, take_tls_error()));
    bool any = false;
    STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i)
        any = any || X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, i)) == X509_LU_X509;
    if (!any)
        throw std::runtime_error(fmt::format("the authorities file {} holds no certificate", file));
}

void read_authorities(const std::string& file)
{
    UniqueSslContext context(SSL_CTX_new(TLS_client_method()));
    check_tls(context != nullptr, "make a context");
    use_authorities(context.get(), file);
}

}  // namespace gatehouse::http
