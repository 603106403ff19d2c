// SPDX-License-Identifier: Apache-2.0
// The server's part on one I/O thread: accepts on its own socket and runs the connections to their end.
//
// Everything but the constructor, the destructor, listen() and the figures runs on that thread.
#pragma once

#include "base/task_group.hpp"
#include "base/unique_fd.hpp"
#include "http/address_limit.hpp"
#include "http/server_context.hpp"
#include "http/stream_socket.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>

namespace gatehouse::http {

class Acceptor final {
public:
    Acceptor(asio::io_context& io, UniqueFd socket, const ServerOptions& options, const Handler& handler);
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    // Begins to listen where the port is shared; from the thread that starts the server, before start(). Throws
    // std::system_error.
    void listen();
    void start();

    // Server::drain() on this thread. Calls `ended` when nothing of this runs any more.
    void drain(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace, std::function<void()> ended);

    std::size_t connection_count() const { return context_.connection_count.load(std::memory_order_relaxed); }
    Server::Figures figures() const
    {
        return {context_.accepted.load(std::memory_order_relaxed),
                context_.refused_heads.load(std::memory_order_relaxed)};
    }

private:
    Task<void> accept();
    bool accept_batch();  // false: out of descriptors or memory, wait a little
    void serve(UniqueFd fd, std::string remote_address);
    Task<void> run_connection(StreamSocket::Socket socket, std::string remote_address);
    // The steps before a connection's first request. False: it is over.
    bool admit(const std::string& address, AddressLimit::Place& place) const;
    Task<bool> find_client(StreamSocket& stream, std::string& address, AddressLimit::Place& place);
    Task<bool> shake_hands(StreamSocket& stream);
    Task<void> run_http2(StreamSocket& stream, Peer peer, Buffer received);
    Task<void> stop(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace);
    Task<void> end_handshakes();
    void stop_accepting();
    void accept_rest();
    Task<void> stop_connections(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace);
    Task<void> wait_for_idle(std::chrono::milliseconds idle_grace);
    void wait_for_end(std::function<void()> ended);

    asio::io_context& io_;
    ServerContext context_;
    asio::posix::stream_descriptor listener_;
    asio::steady_timer pause_;
    asio::steady_timer end_look_;
    bool failing_ = false;  // logged once for each time it begins
    TaskGroup connections_;
    TaskGroup own_;
};

}  // namespace gatehouse::http
