// SPDX-License-Identifier: Apache-2.0
// HTTP/2 on one connection of the server: one coroutine for the connection, one for each request's handler, all on the
// connection's thread.
//
// What is ready to be sent is gathered until the thread has nothing else to do for the connection, and goes out in one
// write: heads and data of several streams together.
#pragma once

#include "base/task_group.hpp"
#include "http/http2_session.hpp"
#include "http/http2_stream.hpp"
#include "http/server_context.hpp"
#include "http/stream_socket.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace gatehouse::http {

class Http2Connection final : public OpenConnection, private Http2Session::Owner {
public:
    // `stream` outlives it.
    Http2Connection(ServerContext& context, StreamSocket& stream, Peer peer);
    ~Http2Connection() override;

    // Until the connection ends, whatever the reason. `received`: what was read already.
    Task<void> run(Buffer received);

    void announce_end() override { drain(); }
    void drain() override;

    // For its streams.
    Http2Session& session() { return session_; }
    void flush();           // now; not from within the session
    void schedule_flush();  // soon
    void release(Http2Stream& stream);
    bool spawn(Task<void> task) { return tasks_.spawn(std::move(task)); }

private:
    // What outlives the connection while a call of it waits in the thread's queue.
    struct Later {
        Http2Connection* connection;
        bool scheduled = false;
    };

    Http2Exchange* open() override;
    void begin(Http2Exchange& exchange) override;

    static void on_deadline(void* self);

    Task<void> receive_all();
    IoStatus receive();
    void take_turn(std::string_view received);
    void serve_begun();
    bool write_some();
    Task<void> write_rest();
    void update_deadline();
    void begin_end();
    Task<void> linger();

    ServerContext& context_;
    StreamSocket& stream_;
    Peer peer_;
    Http2Session session_;
    TaskGroup tasks_;  // handlers, their companions, and the wait for the peer to take more
    std::shared_ptr<Later> later_;
    std::vector<std::unique_ptr<Http2Stream>> streams_;  // in use
    std::vector<std::unique_ptr<Http2Stream>> spare_;
    std::vector<Http2Stream*> begun_;  // heads that have just arrived
    Buffer input_;
    Buffer output_;
    Deadline deadline_;
    SteadyTime idle_since_;
    SteadyTime head_since_ = SteadyTime::max();
    SteadyTime blocked_since_ = SteadyTime::max();
    SteadyTime drain_since_ = SteadyTime::max();
    bool end_announced_ = false;
    bool in_turn_ = false;  // a flush follows anyway
    bool broken_ = false;   // nothing more can be sent
    bool ending_ = false;   // everything was sent
};

// The first bytes of a client that speaks HTTP/2: how the text in `bytes` compares with them.
enum class PrefaceMatch { no, partly, yes };
PrefaceMatch match_http2_preface(std::string_view bytes);

}  // namespace gatehouse::http
