// SPDX-License-Identifier: Apache-2.0
// The HTTP/2 protocol of one connection to an upstream, without input or output: libnghttp2 with the checks that it
// lacks. The counterpart of http2_session.hpp.
//
// Received bytes go in by receive(), bytes to be sent come out by produce(). Within both it calls its exchanges, which
// may call back everything but these two. It never throws for what the peer does: a peer that breaks the rules gets its
// stream reset or a GOAWAY, after which broken() is true. One thread.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/http2_output.hpp"
#include "http/message.hpp"
#include "http/parser.hpp"
#include "http/trailers.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace gatehouse::http {

// A request and its answer, as the session sees them: one stream.
class Http2ClientExchange : public Http2Output {
public:
    enum class End {
        complete,    // both sides have ended it
        refused,     // the peer has not looked at the request: it may be sent again, whatever its method
        malformed,   // the peer broke the rules
        reset,       // by the peer
        cancelled,   // by us
        connection,  // it is gone
    };

    virtual void begin() = 0;                             // the answer's head is complete
    virtual void take_input(std::string_view piece) = 0;  // of the answer's body
    virtual void end_input() = 0;
    virtual void close(End end) = 0;  // the last call: the exchange may go

    std::int32_t id = -1;
    ResponseHead head;
    std::optional<std::uint64_t> content_length;
    TrailerCollector input_trailers;
    bool head_complete = false;
    bool input_ended = false;
    bool output_ended = false;  // the request was sent whole
    bool closed = false;

private:
    friend class Http2ClientSession;

    ParseError add(std::string_view name, std::string_view value, const ParserLimits& limits);
    void begin_head();

    std::size_t head_bytes_ = 0;
    std::size_t field_count_ = 0;
    unsigned informational_count_ = 0;
    bool malformed_ = false;
    bool reset_by_peer_ = false;
    bool cancelled_ = false;
};

// How much of one connection is used at most.
struct Http2ClientLimits {
    std::uint32_t streams_max = 256;                 // less where the peer says so
    std::uint32_t stream_window_bytes = 128 * 1024;  // of an answer's body that was not read
    std::size_t head_bytes_max = 60 * 1024;          // as RFC 9113 section 6.5.2 counts: 32 more for each field
};

class Http2ClientSession final {
public:
    // All outlive it.
    Http2ClientSession(const Http2ClientLimits& limits, const ParserLimits& parser);
    ~Http2ClientSession();
    Http2ClientSession(const Http2ClientSession&) = delete;
    Http2ClientSession& operator=(const Http2ClientSession&) = delete;

    void receive(std::string_view bytes);
    // Appends what can be sent, as far as `output` has room.
    void produce(Buffer& output);

    // The peer has spoken HTTP/2.
    bool ready() const { return ready_; }
    // Nothing will come any more.
    bool broken() const;
    // Whether the peer may be asked for more than it has been; how much at once.
    bool takes_requests() const;
    std::size_t streams_max() const;

    // Begins a stream with the head; the body is then taken from the exchange's output if `with_body`. False when the
    // session takes no more. `scheme` is "http" or "https". Throws std::invalid_argument for a head that is none.
    bool open(Http2ClientExchange& exchange, const Request& request, std::string_view target, std::string_view scheme,
              bool with_body);
    // There is more in `exchange.output`, or it ends.
    void resume(const Http2ClientExchange& exchange);
    // So many bytes of the body were used up: as many more may come.
    void consume(const Http2ClientExchange& exchange, std::size_t bytes);
    // Lets so many bytes of the body come ahead.
    void set_window(const Http2ClientExchange& exchange, std::uint32_t bytes);
    // Ends a stream that nobody wants any more. REQUIRES: its output stays until close().
    void cancel(Http2ClientExchange& exchange);
    void end();

private:
    struct Callbacks;
    struct Deleter {
        void operator()(void* session) const;
    };

    const Http2ClientLimits& limits_;
    const ParserLimits& parser_;
    std::unique_ptr<void, Deleter> session_;
    Buffer* output_ = nullptr;  // within produce()
    bool ready_ = false;
    bool failed_ = false;
};

}  // namespace gatehouse::http
