// SPDX-License-Identifier: Apache-2.0
// What the server's connections of one I/O thread share.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/deadline.hpp"
#include "http/interruption.hpp"
#include "http/server.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::http {

class ServerContext;

// Who is at the other end of a connection.
struct Peer {
    std::string address;  // IP address in text form; empty for a Unix socket
    std::string scheme = "http";
};

// A connection in the list of its thread, whatever protocol it speaks.
class OpenConnection {
public:
    explicit OpenConnection(ServerContext& context);
    virtual ~OpenConnection();
    OpenConnection(const OpenConnection&) = delete;
    OpenConnection& operator=(const OpenConnection&) = delete;

    // The server will stop soon: a protocol that can say so asks the client to send nothing more here.
    virtual void announce_end() {}

    // The server stops: ends at once when no request is on its way, else after those in progress.
    virtual void drain() = 0;

private:
    ServerContext& context_;
    std::size_t index_;  // in context_.connections
};

// What a request in progress needs and an idle connection does not. Lent like a buffer, for the same reasons; the
// strings in it keep their memory from one request to the next.
struct Workspace {
    Request request;
    Interruption interruption;
    Buffer input;
    std::size_t scanned = 0;  // of the head (parse_request_head)
};

class ServerContext final {
public:
    ServerContext(asio::any_io_executor executor, const ServerOptions& server_options, const Handler& server_handler)
        : options(server_options), handler(server_handler), deadlines(std::move(executor))
    {
    }
    ServerContext(const ServerContext&) = delete;
    ServerContext& operator=(const ServerContext&) = delete;

    std::unique_ptr<Workspace> lend_workspace();
    void give_back(std::unique_ptr<Workspace> workspace);

    const ServerOptions& options;
    const Handler& handler;
    BufferPool buffers;
    Deadlines deadlines;
    std::string output;  // scratch for one message's head; empty between uses
    bool draining = false;
    bool idle_ones_end = false;  // later in a drain: a connection that becomes idle ends
    std::vector<OpenConnection*> connections;
    std::atomic<std::size_t> connection_count{0};  // the same, for other threads
    std::atomic<std::uint64_t> accepted{0};        // connections, since the start
    std::atomic<std::uint64_t> refused_heads{0};   // requests that never reached a handler

private:
    static constexpr std::size_t kept_max = 128;

    std::vector<std::unique_ptr<Workspace>> workspaces_;
};

}  // namespace gatehouse::http
