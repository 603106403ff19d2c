// SPDX-License-Identifier: Apache-2.0
// The HTTP client of one I/O thread, with its pool of kept connections. It lives on that thread alone. Endpoints that
// say so are spoken HTTP/2 with (http2_client.hpp), the others HTTP/1.1.
//
// "https" endpoints are connected to by their TlsClient, always verified, the handshake within the time for connecting.
// Connections of different TlsClients are kept apart.
//
// A connection goes back to the pool only when request and response were complete and undisputed: never after an early
// answer, an aborted body, or bytes that nobody asked for. A request is sent again, once, on a new connection only when
// the kept one was closed before any byte of an answer, the method is idempotent and nothing of its body was read.
#pragma once

#include "base/error.hpp"
#include "http/client_metrics.hpp"
#include "http/deadline.hpp"
#include "http/message.hpp"
#include "http/parser.hpp"
#include "http/url.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gatehouse::http {

struct ClientOptions {
    ParserLimits parser;
    std::size_t idle_connections_max = 1024;  // kept for each endpoint
    std::size_t connections_max = 8192;       // in use at once for each endpoint; beyond it TooManyConnections
    std::uint32_t streams_max = 256;          // at once on one connection with HTTP/2
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds first_byte_timeout{60'000};
    std::chrono::milliseconds body_timeout{30'000};  // between two pieces of a body, either way
    std::chrono::milliseconds idle_timeout{50'000};  // shorter than the servers' own
    std::chrono::milliseconds tunnel_idle_timeout{600'000};
};

// For one request.
struct SendLimits {
    std::chrono::milliseconds connect;
    std::chrono::milliseconds first_byte;
    std::chrono::milliseconds idle;         // between two pieces of a body, either way
    std::chrono::milliseconds tunnel_idle;  // after a change of the protocol
    SteadyTime end = SteadyTime::max();     // for everything, the answer's body included
};

// No connection to the endpoint can be made, so nothing of the request was taken there, and nothing of its body was
// read.
class ConnectFailed final : public Unavailable {
public:
    // `handshake`: somebody is there, but TLS with them has failed; their certificate was not to be trusted, or ours
    // was not.
    enum class Kind { unreachable, handshake };
    explicit ConnectFailed(const std::string& what, Kind kind = Kind::unreachable) : Unavailable(what), kind_(kind) {}
    Kind kind() const { return kind_; }

private:
    Kind kind_;
};

// So many are in use that no further one is made.
class TooManyConnections final : public Unavailable {
public:
    using Unavailable::Unavailable;
};

// RFC 9110 section 9.2.2.
bool is_idempotent(std::string_view method);

class Client final {
public:
    // `metrics` may be null; else it counts this client's connections, and Upstream its requests.
    Client(asio::any_io_executor executor, ClientOptions options, std::shared_ptr<ClientMetrics> metrics = nullptr);
    ~Client();  // on its thread, or when that has ended; bodies that still stream go on
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Sends head and body (streamed from request.body) and returns when the answer's head is there; a small body is
    // there too, a larger one streams and throws UpstreamError when it breaks off. Throws ConnectFailed when no
    // connection can be made, UpstreamError when the answer is broken or late, BodyError when the request's own body
    // fails. `host` is what the Host field says: it is set in request.head.
    // With request.upgrade set the answer may be 101, with a tunnel; one that was not asked for, or confirms something
    // else, is malformed. When request.interruption fires the exchange ends with BodyError.
    Task<Response> send(Endpoint endpoint, std::string host, Request& request);
    Task<Response> send(Endpoint endpoint, std::string host, Request& request, SendLimits limits);

    SendLimits limits() const;  // of its options

    // Closes the kept connections. Without it (or the destructor) the I/O thread's context does not run out of work
    // until their idle timeouts have passed.
    void close_idle();

    std::size_t idle_count() const;

    const std::shared_ptr<ClientMetrics>& metrics() const;

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

// The peer answered badly: `timeout` for none in time, else malformed or cut off before its head was complete.
class UpstreamError final : public std::runtime_error {
public:
    enum class Kind { timeout, malformed, closed };
    UpstreamError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
    Kind kind() const { return kind_; }

private:
    Kind kind_;
};

}  // namespace gatehouse::http
