// SPDX-License-Identifier: Apache-2.0
// The server's end of a TLS connection in an ImposterServer's script: blocking, and free to break every rule. Every
// wait ends after ten seconds, as a failure.
#pragma once

#include "http/tls_objects.hpp"
#include "http/tls_options.hpp"
#include "support/raw_socket.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace gatehouse::testing {

struct TlsPeerSettings {
    http::CertificateFiles identity;
    std::string client_authorities;  // PEM file; empty: no certificate is asked for
    int version_max = TLS1_3_VERSION;
    bool tickets = true;
};

class TestTlsPeer final {
public:
    // Not done yet: handshake() does it. The socket outlives it.
    TestTlsPeer(RawSocket& socket, const TlsPeerSettings& settings) : context_(SSL_CTX_new(TLS_server_method()))
    {
        SSL_CTX* context = context_.get();
        SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, settings.version_max);
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, this);
        SSL_CTX_set_num_tickets(context, settings.tickets ? 2 : 0);
        bool fine = SSL_CTX_use_certificate_chain_file(context, settings.identity.certificate.c_str()) == 1 &&
                    SSL_CTX_use_PrivateKey_file(context, settings.identity.key.c_str(), SSL_FILETYPE_PEM) == 1;
        if (!settings.client_authorities.empty()) {
            fine = fine && SSL_CTX_load_verify_file(context, settings.client_authorities.c_str()) == 1;
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        }
        ssl_.reset(SSL_new(context));
        if (!fine || !ssl_ || SSL_set_fd(ssl_.get(), socket.fd()) != 1)
            throw std::runtime_error("cannot make a TLS peer: " + http::take_tls_error());
    }

    bool handshake()
    {
        ERR_clear_error();
        return SSL_accept(ssl_.get()) == 1;
    }

    std::string server_name() const
    {
        const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
        return name ? name : "";
    }
    const std::string& offered_protocols() const { return protocols_; }  // in wire form

    // Up to `end`, which is there at the latest when the connection ends.
    std::string read_until(std::string_view end)
    {
        std::string bytes;
        while (!bytes.ends_with(end)) {
            char byte = 0;
            ERR_clear_error();
            if (SSL_read(ssl_.get(), &byte, 1) <= 0)
                throw std::runtime_error("the client closed too early, after: " + bytes);
            bytes += byte;
        }
        return bytes;
    }

    void send(std::string_view bytes)
    {
        ERR_clear_error();
        if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0)
            throw std::runtime_error("cannot send: " + http::take_tls_error());
    }

    void close_notify() { SSL_shutdown(ssl_.get()); }

    // Waits until the client has closed.
    void wait_for_end()
    {
        char byte = 0;
        ERR_clear_error();
        while (SSL_read(ssl_.get(), &byte, 1) > 0) {
        }
    }

private:
    static int choose_protocol(SSL*, const unsigned char**, unsigned char*, const unsigned char* in, unsigned in_size,
                               void* self)
    {
        static_cast<TestTlsPeer*>(self)->protocols_.assign(reinterpret_cast<const char*>(in), in_size);
        return SSL_TLSEXT_ERR_NOACK;
    }

    http::UniqueSslContext context_;
    http::UniqueSsl ssl_;
    std::string protocols_;
};

}  // namespace gatehouse::testing
