// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 and HTTP/2 server: one acceptor for each I/O thread (SO_REUSEPORT), a connection stays on its thread.
//
// Every stage has a limit and a deadline. Pipelined requests are answered in order. A body that the handler left unread
// is drained up to a bound, else the connection is closed. After a parse error the problem is sent and the connection
// closed.
#pragma once

#include "base/io_threads.hpp"
#include "base/task_group.hpp"
#include "http/message.hpp"
#include "http/parser.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace gatehouse::http {

class TlsServer;
struct PublicSide;

struct Http2Options {
    bool cleartext = false;  // taken without TLS, from clients that begin with its preface
    std::uint32_t streams_max = 100;
    std::uint32_t stream_window_bytes = 64 * 1024;  // of a body that its handler has not read; at most one large buffer
    std::uint32_t connection_window_bytes = 1024 * 1024;
    std::size_t head_bytes_max = 60 * 1024;  // as RFC 9113 section 6.5.2 counts: 32 more for each field
    std::uint32_t glitches_max = 100;        // see http2_budget.hpp
    std::uint32_t glitches_per_second = 33;
};

struct ServerOptions {
    std::string name;  // for logs: "gateway", "ops", ...
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;          // 0: any free one
    bool shared_port = false;        // other servers of this user may listen there too: the one that takes over
    std::string unix_path;           // instead of address and port: a Unix socket, made with mode 0600
    std::shared_ptr<TlsServer> tls;  // null: plain connections
    std::shared_ptr<PublicSide> public_side;  // null: a peer is who it is, and has no limit of its own
    ParserLimits parser;
    Http2Options http2;
    std::uint64_t body_bytes_max = 16ULL << 30U;
    std::size_t connections_max = 10'000;                  // of each thread; beyond it accepting pauses
    std::chrono::milliseconds handshake_timeout{10'000};   // of TLS
    std::chrono::milliseconds header_timeout{10'000};      // from the first byte of a request to the end of its head
    std::chrono::milliseconds body_timeout{30'000};        // between two pieces of a body, either way
    std::chrono::milliseconds idle_timeout{75'000};        // between requests
    std::chrono::milliseconds request_timeout{3'600'000};  // a request and its answer as a whole
    std::uint64_t drain_bytes_max = 256 * 1024;            // of an unread body, to keep the connection
    bool assign_request_ids = true;                        // false where the handler does it
};

class Server final {
public:
    // Binds and listens; throws std::system_error naming the address. `threads` and what `handler` uses outlive this.
    Server(IoThreads& threads, ServerOptions options, Handler handler);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Begins to accept. With a shared port it listens when this has returned; throws std::system_error.
    void start();
    std::uint16_t port() const;
    std::size_t connection_count() const;

    // Since the start, of all threads. Any thread.
    struct Figures {
        std::uint64_t accepted = 0;       // connections
        std::uint64_t refused_heads = 0;  // requests whose head was malformed, too large or too late
    };
    Figures figures() const;

    // Stops accepting, closes idle connections, lets requests in progress finish for at most `grace` (their answers say
    // `connection: close`), then cuts the rest. Idle connections are closed after `idle_grace`, so that a request which
    // is on its way to one meanwhile is not lost; with a shared port, handshakes that are under way end, too. Blocks;
    // call from a thread that is not an I/O thread.
    void drain(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace = {});

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::http
