// SPDX-License-Identifier: Apache-2.0
// TLS on a connected socket, without waiting: StreamSocket (stream_socket.hpp) waits.
//
// OpenSSL reads from the socket and writes into memory; what one call wrote is sent by one system call. So records of
// one message leave together, a write never has to be repeated with the same bytes, and reading never waits for
// writing. What the kernel did not take is kept, at most a batch of records, and sent first by the next call.
// One operation at a time; one thread.
#pragma once

#include "http/stream_socket.hpp"
#include "http/tls_objects.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::http {

class TlsStream final {
public:
    // `ssl` knows its side already (accept or connect). The socket `fd` outlives this.
    TlsStream(UniqueSsl ssl, int fd);
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    // done, would_block (for writing when wants_write(), else for reading), or closed: failure() says why.
    IoStatus handshake();
    const std::string& failure() const { return failure_; }
    bool is_plain_http() const { return plain_http_; }  // what the peer sent instead of a handshake
    // After the handshake had ended here, the peer did not end it: it would not have our certificate, or none.
    bool is_refused() const { return refused_; }

    // As those of StreamSocket.
    IoStatus read(Buffer& buffer);
    IoStatus write(Gather& gather);
    IoStatus peek();

    // Tells the peer that nothing follows, as far as the kernel takes it. Not after an error.
    void close_notify();
    // From now on the end will not look regular to the peer.
    void forget_close_notify() { may_notify_ = false; }

    // Bytes that were taken from the socket and not read yet: a wait for the socket would miss them.
    bool has_buffered_input() const { return buffered_; }
    bool wants_write() const { return !unsent_.empty(); }
    // The connection ended without the peer's saying so: something may be missing.
    bool is_truncated() const { return truncated_; }

    std::string_view protocol() const;  // by ALPN; empty: none
    SSL* ssl() const { return ssl_.get(); }

private:
    friend struct TlsSocketBio;

    IoStatus flush();
    IoStatus fail(int result);
    bool is_to_be_repeated(IoStatus& status);
    std::span<const char> next_piece(Gather& gather);

    UniqueSsl ssl_;
    int fd_;
    std::string unsent_;
    std::string failure_;
    unsigned idle_reads_ = 0;  // in a row, that found records but no data
    bool established_ = false;
    bool socket_is_empty_ = false;
    bool may_notify_ = true;
    bool buffered_ = false;
    bool truncated_ = false;
    bool plain_http_ = false;
    bool refused_ = false;
};

}  // namespace gatehouse::http
