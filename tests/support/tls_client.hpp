// SPDX-License-Identifier: Apache-2.0
// A blocking TLS client for tests that look at the handshake, or say exactly which bytes go into it. Every wait ends
// after ten seconds, as a failure.
#pragma once

#include "http/tls_objects.hpp"
#include "support/raw_socket.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace gatehouse::testing {

struct TlsClientSettings {
    std::string server_name;
    std::string alpn;  // in wire form: "\x02h2\x08http/1.1"
    int version_min = TLS1_2_VERSION;
    int version_max = TLS1_3_VERSION;
    SSL_SESSION* session = nullptr;
};

class TestTlsClient final {
public:
    // Not done yet: handshake() does it.
    TestTlsClient(std::uint16_t port, const TlsClientSettings& settings = {})
        : socket_(RawSocket::connect(port)), context_(SSL_CTX_new(TLS_client_method()))
    {
        SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
        SSL_CTX_set_min_proto_version(context_.get(), settings.version_min);
        SSL_CTX_set_max_proto_version(context_.get(), settings.version_max);
        ssl_.reset(SSL_new(context_.get()));
        // As every client does: small frames would wait for the other side's delayed acknowledgements.
        int on = 1;
        ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        SSL_set_fd(ssl_.get(), socket_.fd());
        if (!settings.server_name.empty())
            SSL_set_tlsext_host_name(ssl_.get(), settings.server_name.c_str());
        if (!settings.alpn.empty())
            SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(settings.alpn.data()),
                                static_cast<unsigned>(settings.alpn.size()));
        if (settings.session)
            SSL_set_session(ssl_.get(), settings.session);
    }

    bool handshake()
    {
        ERR_clear_error();
        return SSL_connect(ssl_.get()) == 1;
    }

    void send(std::string_view bytes)
    {
        ERR_clear_error();
        if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0)
            throw std::runtime_error("cannot send: " + http::take_tls_error());
    }

    // What comes next, at most one record; "" at the end.
    std::string read_some()
    {
        std::string bytes(64 * 1024, '\0');
        ERR_clear_error();
        int size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        if (size <= 0)
            closed_cleanly_ = SSL_get_error(ssl_.get(), size) == SSL_ERROR_ZERO_RETURN;
        bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return bytes;
    }

    std::string read_to_end()
    {
        std::string bytes;
        for (std::string piece = read_some(); !piece.empty(); piece = read_some())
            bytes += piece;
        return bytes;
    }

    // An answer with a content-length.
    RawResponse read_response()
    {
        while (ahead_.find("\r\n\r\n") == std::string::npos)
            read_more();
        RawResponse response;
        response.head = take(ahead_.find("\r\n\r\n") + 4);
        response.status = std::stoi(response.head.substr(9, 3));
        std::size_t at = response.head.find("content-length: ");
        std::size_t length = at == std::string::npos ? 0 : std::stoul(response.head.substr(at + 16));
        while (ahead_.size() < length)
            read_more();
        response.body = take(length);
        return response;
    }

    RawResponse ask(std::string_view request)
    {
        send(request);
        return read_response();
    }

    // Whether the server said that nothing follows, before it closed.
    bool closed_cleanly() const { return closed_cleanly_; }
    RawSocket& socket() { return socket_; }
    SSL* ssl() { return ssl_.get(); }

private:
    void read_more()
    {
        std::string piece = read_some();
        if (piece.empty())
            throw std::runtime_error("the peer closed too early, after: " + ahead_);
        ahead_ += piece;
    }
    std::string take(std::size_t size)
    {
        std::string bytes = ahead_.substr(0, size);
        ahead_.erase(0, size);
        return bytes;
    }

    RawSocket socket_;
    http::UniqueSslContext context_;
    http::UniqueSsl ssl_;
    std::string ahead_;
    bool closed_cleanly_ = false;
};

}  // namespace gatehouse::testing
