// SPDX-License-Identifier: Apache-2.0
// The HTTP/2 side of a Client: requests as streams over few connections to each endpoint, with prior knowledge that it
// speaks HTTP/2 (RFC 9113 section 3.3). One I/O thread.
//
// A further connection is made only when those that are there have as many streams as the peer (or our own limit) lets
// them have. What the peer has not looked at (REFUSED_STREAM, or a GOAWAY that leaves it out) is sent again whatever
// its method, as long as its body is short and not being waited for.
#pragma once

#include "http/client.hpp"
#include "http/http2_client_connection.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::http {

class Http2ClientStream;

// How connections are made, and counted: the client's own business.
class ClientConnector {
public:
    virtual ConnectionPool& pool_of(const Endpoint& endpoint) = 0;
    // Throws ConnectFailed.
    virtual Task<void> connect(ConnectionPool& pool, Lease& lease, std::shared_ptr<const TlsClient> tls,
                               SteadyTime deadline) = 0;

protected:
    ~ClientConnector() = default;
};

class Http2Client final {
public:
    // All outlive it.
    Http2Client(asio::any_io_executor executor, const ClientOptions& options, BufferPool& buffers, Deadlines& deadlines,
                ClientConnector& connector);
    ~Http2Client();
    Http2Client(const Http2Client&) = delete;
    Http2Client& operator=(const Http2Client&) = delete;

    // As Client::send(). `client` keeps this object alive.
    Task<Response> send(std::shared_ptr<void> client, Endpoint endpoint, std::string host, Request& request,
                        SendLimits limits);

    void close_idle();
    // From now on nothing is kept.
    void close();
    std::size_t idle_count() const;

private:
    class Place;
    class Sending;
    using Connection = std::shared_ptr<Http2ClientConnection>;

    Place& place_of(const Endpoint& endpoint);
    Task<Connection> obtain(std::shared_ptr<void> client, Place& place, SteadyTime deadline);
    Task<void> connect(std::shared_ptr<void> client, Place& place, SteadyTime deadline);
    Task<void> attempt(Sending& sending);
    Task<Response> take_answer(std::shared_ptr<Http2ClientStream> stream, const Request& request);

    asio::any_io_executor executor_;
    Http2ClientConnection::Shared shared_;
    ClientConnector& connector_;
    std::vector<std::unique_ptr<Place>> places_;
    bool closed_ = false;
};

}  // namespace gatehouse::http
