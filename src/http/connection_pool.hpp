// SPDX-License-Identifier: Apache-2.0
// The client's connections to one endpoint: those in use are counted, those that may be used again are kept.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/client.hpp"
#include "http/client_metrics.hpp"
#include "http/stream_socket.hpp"
#include "http/tls_client.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace gatehouse::http {

class ConnectionPool;

struct ClientConnection {
    ClientConnection(StreamSocket::Socket socket, Deadlines& deadlines) : stream(std::move(socket), deadlines) {}

    StreamSocket stream;
    Buffer input;
    ConnectionPool* kept_by = nullptr;
};

// A connection in use, or the right to make one. Ends the connection when destroyed, unless keep() was called.
// The pool outlives it.
class Lease final {
public:
    Lease() = default;
    Lease(ConnectionPool& pool, std::unique_ptr<ClientConnection> connection);
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_))
    {
    }
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { end(); }

    explicit operator bool() const { return pool_ != nullptr; }
    bool connected() const { return connection_ != nullptr; }
    ClientConnection* operator->() const { return connection_.get(); }
    void connect(std::unique_ptr<ClientConnection> connection);

    void end();
    // Gives the connection back to be used again. REQUIRES: nothing of an exchange is under way on it.
    void keep();

private:
    ConnectionPool* pool_ = nullptr;
    std::unique_ptr<ClientConnection> connection_;
};

class ConnectionPool final {
public:
    ConnectionPool(Endpoint endpoint, const ClientOptions& options, std::shared_ptr<ConnectionFigures> figures)
        : endpoint_(std::move(endpoint)), tls_(std::exchange(endpoint_.tls, nullptr)), secure_(!tls_.expired()),
          options_(options), figures_(std::move(figures))
    {
    }
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    // The connection that was kept last and is still good, else (or always, when `fresh`) the right to make one. Throws
    // Unavailable when too many are in use.
    Lease lend(bool fresh);

    void close_idle();
    // From now on nothing is kept.
    void close();

    // Who could ask for it has let its TlsClient go.
    bool is_abandoned() const { return secure_ && in_use_ == 0 && tls_.expired(); }

    const Endpoint& endpoint() const { return endpoint_; }  // without `tls`
    TlsSessions& sessions() { return sessions_; }
    std::size_t in_use() const { return in_use_; }
    std::size_t kept() const { return kept_.size(); }

private:
    friend class Lease;

    void keep(std::unique_ptr<ClientConnection> connection);
    void publish();
    static void on_idle_timeout(void* connection);

    Endpoint endpoint_;
    std::weak_ptr<const TlsClient> tls_;
    bool secure_;
    const ClientOptions& options_;
    std::shared_ptr<ConnectionFigures> figures_;
    TlsSessions sessions_;                                 // of the connections, which go before it
    std::vector<std::unique_ptr<ClientConnection>> kept_;  // the longest unused first
    std::size_t in_use_ = 0;
    std::size_t unconnected_ = 0;  // of those
    bool closed_ = false;
};

}  // namespace gatehouse::http
