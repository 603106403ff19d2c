// SPDX-License-Identifier: Apache-2.0
// One request on an HTTP/2 connection and its answer: the body as its handler reads it, the answer as the session sends
// it, and their deadlines.
//
// It is in use until the protocol is done with the stream and its handler has ended, whichever is later; then the
// connection uses it again. A stream that was reset stays until its handler notices: reading throws, sending ends.
#pragma once

#include "http/deadline.hpp"
#include "http/http2_session.hpp"
#include "http/server_context.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>

namespace gatehouse::http {

class Http2Connection;

class Http2Stream final : public Http2Exchange, public BodyReader, private Companions {
public:
    // `connection` owns it.
    Http2Stream(Http2Connection& connection, ServerContext& context, const asio::any_io_executor& executor);
    ~Http2Stream() override;

    void begin(const Peer& peer);
    // Runs the handler and sends its answer. REQUIRES: the head is complete.
    Task<void> serve();
    bool in_use() const { return !closed || running_ || companions_ != 0; }
    void finish();  // when it is not in use any more

    void take_input(std::string_view piece) override;
    void end_input() override { wake(); }
    void output_taken() override;
    void close() override;

    // The request's body.
    Task<std::string_view> read() override;
    std::optional<std::uint64_t> length() const override { return length_; }
    const Headers* trailers() const override { return &input_trailers.fields(); }

    std::size_t index = 0;  // among its connection's streams

private:
    bool start(Task<void> task) override;
    Task<void> accompany(Task<void> task);
    static void on_deadline(void* self);
    static void on_read_deadline(void* self);
    static void on_look(void* self);

    Request& request() { return work_->request; }
    void begin_request();
    Task<void> answer_request();
    Task<void> send(Response response);
    Task<void> send_pieces(Framing framing, std::string_view piece);
    void submit(const Framing& framing, bool with_body);
    void widen_window();
    bool take_piece(std::string_view& piece, std::uint64_t& sent, const Framing& framing);
    Task<void> wait();
    void wake();
    void set_deadline(SteadyTime when);
    void cancel();
    void break_off(std::string_view cause);
    [[noreturn]] void fail(BodyError::Kind kind);

    Http2Connection& connection_;
    ServerContext& context_;
    const Peer* peer_ = nullptr;
    std::unique_ptr<Workspace> work_;
    asio::steady_timer waiting_;  // never expires; its cancellation wakes up serve()
    Deadline deadline_;
    Deadline read_deadline_;
    Deadline look_;
    SteadyTime final_deadline_ = SteadyTime::max();
    unsigned companions_ = 0;
    bool running_ = false;  // serve()
    bool served_ = false;   // it has ended
    bool reading_ = false;  // the handler, or its companion, waits for the client
    bool read_expired_ = false;

    Buffer incoming_;  // arrived, and counted against the windows
    std::optional<std::uint64_t> length_;
    std::uint64_t received_ = 0;
    std::uint32_t window_bytes_ = 0;
    bool continue_pending_ = false;
    std::optional<BodyError::Kind> error_;

    Response response_;  // what the session sends from
    bool submitted_ = false;
};

}  // namespace gatehouse::http
