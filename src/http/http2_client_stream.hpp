// SPDX-License-Identifier: Apache-2.0
// One request to an HTTP/2 upstream and its answer: the body on its way there, the answer's body as its reader takes
// it, and their deadlines. Both bodies may flow at once.
//
// Held by who uses it, and by its connection until the protocol is done with it. One thread.
#pragma once

#include "http/client.hpp"
#include "http/http2_client_connection.hpp"
#include "http/interruption.hpp"

#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <memory>
#include <optional>

namespace gatehouse::http {

class Http2ClientStream final : public Http2ClientExchange, public std::enable_shared_from_this<Http2ClientStream> {
public:
    Http2ClientStream(std::shared_ptr<Http2ClientConnection> connection, SendLimits limits, Interruption* interruption);
    ~Http2ClientStream() override;

    // Sends `body` (of which `holds` is a part) until it ends, or nobody wants it any more. It does not throw: what
    // goes wrong is thrown by fail(). `alone`: an answer that is complete ends it.
    Task<void> send_body(BodyReader& body, std::shared_ptr<void> holds, bool alone);
    // It has been started, and runs beside.
    void expect_upload() { uploading_ = !upload_done_; }
    // Until it has ended. REQUIRES: the stream is closed, and the body is not being waited for.
    Task<void> wait_for_upload();
    // Until the head is there, or will not come.
    Task<void> wait_for_head();
    // Until the whole answer is there, or will not come.
    Task<void> wait_for_end();

    // The next piece of the answer's body, empty at the end. Throws as fail().
    Task<std::string_view> read();

    // Nobody wants the rest of it, either way.
    void abandon();

    bool refused() const { return end_ == End::refused; }
    bool connection_lost() const { return end_ == End::connection; }
    std::size_t waiting_bytes() const { return incoming_.view().size(); }
    std::string take_waiting() { return std::string(std::exchange(incoming_, Buffer()).view()); }

    // Throws BodyError when the request's own body failed or the request was interrupted, else UpstreamError.
    [[noreturn]] void fail() const;

    void begin() override;
    void take_input(std::string_view piece) override;
    void end_input() override;
    void output_taken() override;
    void close(End end) override;

private:
    static void on_deadline(void* self);

    Task<void> send_pieces(BodyReader& body, bool alone);
    bool failed() const { return upload_error_ || timed_out_ || (closed && !input_ended); }
    void widen_window();
    void progress();
    void update_deadline();
    void stop_watching();
    Task<void> wait();
    void wake() { waiting_.cancel(); }

    std::shared_ptr<void> client_;  // goes last
    Http2ClientConnection* connection_;
    std::shared_ptr<Http2ClientConnection> held_;  // the same, until nobody wants the stream any more
    SendLimits limits_;
    Interruption* interruption_;
    asio::steady_timer waiting_;  // never expires; its cancellation wakes up who waits
    Deadline deadline_;
    SteadyTime began_;
    SteadyTime moved_at_;  // something, either way
    SteadyTime sent_at_ = SteadyTime::max();
    std::optional<End> end_;
    std::optional<BodyError::Kind> interrupted_;
    std::exception_ptr upload_error_;
    Buffer incoming_;  // arrived, and counted against the window
    Buffer given_;     // to the reader
    std::string kept_output_;
    std::uint64_t received_ = 0;
    std::uint32_t window_bytes_;
    bool reading_ = false;
    bool uploading_ = false;
    bool upload_done_ = false;
    bool timed_out_ = false;
};

// The answer's body, which owns the stream.
class Http2ClientBody final : public BodyReader {
public:
    explicit Http2ClientBody(std::shared_ptr<Http2ClientStream> stream) : stream_(std::move(stream)) {}
    ~Http2ClientBody() override { stream_->abandon(); }

    Task<std::string_view> read() override { return stream_->read(); }
    std::optional<std::uint64_t> length() const override { return stream_->content_length; }
    const Headers* trailers() const override;

private:
    std::shared_ptr<Http2ClientStream> stream_;
};

}  // namespace gatehouse::http
