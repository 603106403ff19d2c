// SPDX-License-Identifier: Apache-2.0
// The HTTP/2 protocol of one server connection, without input or output: libnghttp2 with the checks and budgets that it
// lacks. The only place that knows that library.
//
// Received bytes go in by receive(), bytes to be sent come out by produce(). Within both it calls its exchanges and its
// owner, who may call back everything but these two. It never throws for what the peer does: a peer that breaks the
// rules gets its stream reset or a GOAWAY, after which ended() is true. One thread.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/http2_budget.hpp"
#include "http/http2_head.hpp"
#include "http/http2_output.hpp"
#include "http/message.hpp"
#include "http/server.hpp"
#include "http/trailers.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace gatehouse::http {

// A request and its answer, as the session sees them: one stream.
class Http2Exchange : public Http2Output {
public:
    virtual void take_input(std::string_view piece) = 0;  // of the request's body
    virtual void end_input() = 0;
    virtual void close() = 0;  // the last call: the stream is over, by its end or a reset

    std::int32_t id = 0;
    Http2HeadBuilder head;
    ParseError head_error = ParseError::none;  // set when the head is complete
    bool head_complete = false;
    TrailerCollector input_trailers;
    bool input_ended = false;
    bool closed = false;
};

class Http2Session final {
public:
    class Owner {
    public:
        // A stream begins; null refuses it. `head` of the exchange has begun.
        virtual Http2Exchange* open() = 0;
        // Its head is complete.
        virtual void begin(Http2Exchange& exchange) = 0;

    protected:
        ~Owner() = default;
    };

    enum class End { no_error = 0, protocol_error = 1, internal_error = 2, calm = 11 };
    enum class Reset { no_error = 0, internal_error = 2, cancel = 8 };

    // All outlive it.
    Http2Session(Owner& owner, const Http2Options& options, const ParserLimits& limits);
    ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    void receive(std::string_view bytes);
    // Appends what can be sent, as far as `output` has room.
    void produce(Buffer& output);
    // Nothing will be received or sent any more.
    bool ended() const;

    // A request whose head is not complete is arriving, or the connection's own first words are.
    bool head_pending() const { return head_pending_; }

    void send_continue(Http2Exchange& exchange);
    // Sends the head; a body is then taken from `exchange.output` if `with_body`. `headers` stay as they are until the
    // stream is closed.
    void send_head(Http2Exchange& exchange, int status, const Headers& headers, const Framing& framing, bool with_body);
    // There is more in `exchange.output`, or it ends.
    void resume(Http2Exchange& exchange);
    // So many bytes of the body were used up: as many more may come.
    void consume(std::int32_t id, std::size_t bytes);
    // Lets so many bytes of the body come ahead.
    void set_window(Http2Exchange& exchange, std::uint32_t bytes);
    // As consume(), of a stream that is closed.
    void consume_connection(std::size_t bytes);
    void reset(Http2Exchange& exchange, Reset reason);

    // Asks the client to open no more streams; those that it opens before it has read that are served.
    void announce_end();
    // As above, without waiting longer for the client to have read it.
    void stop_opening();
    void end(End reason);

private:
    struct Callbacks;
    struct Deleter {
        void operator()(void* session) const;
    };

    void spend(std::int64_t points);
    void fail(int error);

    Owner& owner_;
    const Http2Options& options_;
    const ParserLimits& limits_;
    Http2Budget budget_;
    std::unique_ptr<void, Deleter> session_;
    Buffer* output_ = nullptr;  // within produce()
    bool failed_ = false;
    bool head_pending_ = true;
    bool hopeless_ = false;
    bool announced_ = false;
    bool stopped_ = false;
    std::int32_t last_stream_ = 0;          // of the client's
    std::int64_t window_updates_left_ = 0;  // that are not counted
};

}  // namespace gatehouse::http
