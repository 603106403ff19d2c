// SPDX-License-Identifier: Apache-2.0
// One connection to an upstream that speaks HTTP/2, with the streams on it. It drives itself: it reads whenever
// something comes, and what is ready to be sent goes out in one write when the thread has nothing else to do for it.
//
// It lives as long as its socket is waited for, or somebody holds it or one of its streams. One thread.
#pragma once

#include "http/client.hpp"
#include "http/connection_pool.hpp"
#include "http/http2_client_session.hpp"

#include <memory>
#include <vector>

namespace gatehouse::http {

class Http2ClientStream;

class Http2ClientConnection final : public std::enable_shared_from_this<Http2ClientConnection> {
public:
    class Owner {
    public:
        // It has become ready, has room again, or has ended.
        virtual void changed(Http2ClientConnection& connection) = 0;

    protected:
        ~Owner() = default;
    };

    // What all connections of a client share.
    struct Shared {
        BufferPool& buffers;
        Deadlines& deadlines;
        const ClientOptions& options;
        Http2ClientLimits limits;
    };

    // `client` keeps the others alive. REQUIRES: the lease is connected.
    Http2ClientConnection(std::shared_ptr<void> client, Owner& owner, const Shared& shared, Lease lease);
    ~Http2ClientConnection();
    Http2ClientConnection(const Http2ClientConnection&) = delete;
    Http2ClientConnection& operator=(const Http2ClientConnection&) = delete;

    // Says hello, and reads from now on.
    void start();
    bool ready() const { return session_.ready() && !ended_; }
    bool ended() const { return ended_; }
    // Looks whether the peer has gone meanwhile.
    bool has_room();
    std::size_t streams() const { return streams_.size(); }
    std::size_t streams_max() const { return session_.streams_max(); }

    // Takes no further streams, and ends with the last one.
    void retire();
    void end();

    // For its streams. `scheme` of the requests is that of the connection.
    bool open(const std::shared_ptr<Http2ClientStream>& stream, const Request& request, std::string_view target,
              bool with_body);
    Http2ClientSession& session() { return session_; }
    const Shared& shared() const { return shared_; }
    const std::shared_ptr<void>& client() const { return client_; }
    asio::any_io_executor executor() const { return executor_; }
    void schedule_flush();  // soon
    void release(Http2ClientStream& stream);
    // A stream that began at that time waited in vain: a connection that has been dumb since is not used again.
    void doubt(SteadyTime since);

private:
    static void on_deadline(void* self);

    void wait_readable();
    void on_readable();
    bool receive();
    void flush();
    bool write_some();
    void on_writable();
    void update_deadline();

    std::shared_ptr<void> client_;  // goes last
    Owner* owner_;
    Shared shared_;
    asio::any_io_executor executor_;
    Lease lease_;
    Http2ClientSession session_;
    std::vector<std::shared_ptr<Http2ClientStream>> streams_;
    Buffer input_;
    Buffer output_;
    Deadline deadline_;
    SteadyTime idle_since_;
    SteadyTime received_at_;
    SteadyTime blocked_since_ = SteadyTime::max();
    bool flush_scheduled_ = false;
    bool in_turn_ = false;  // a flush follows anyway
    bool retired_ = false;
    bool ended_ = false;
};

}  // namespace gatehouse::http
