// SPDX-License-Identifier: Apache-2.0
#include "http/http2_client_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace gatehouse::http {

namespace {

// How far the window of a long body grows while its reader keeps up.
constexpr std::uint32_t window_bytes_max = 1024 * 1024;

}  // namespace

Http2ClientStream::Http2ClientStream(std::shared_ptr<Http2ClientConnection> connection, SendLimits limits,
                                     Interruption* interruption)
    : client_(connection->client()), connection_(connection.get()), held_(std::move(connection)), limits_(limits),
      interruption_(interruption), waiting_(connection_->executor(), asio::steady_timer::time_point::max()),
      deadline_(connection_->shared().deadlines, &Http2ClientStream::on_deadline, this), began_(coarse_now()),
      moved_at_(began_), window_bytes_(connection_->shared().limits.stream_window_bytes)
{
    if (!interruption_)
        return;
    auto wake = [](void* self) {
        auto stream = static_cast<Http2ClientStream*>(self)->shared_from_this();
        stream->interrupted_ = stream->interruption_->fired();
        stream->abandon();
    };
    interruption_->set_wake(wake, this);
}

Http2ClientStream::~Http2ClientStream() { stop_watching(); }

void Http2ClientStream::stop_watching()
{
    if (interruption_)
        std::exchange(interruption_, nullptr)->clear_wake(this);
}

Task<void> Http2ClientStream::send_body(BodyReader& body, std::shared_ptr<void> holds, bool alone)
{
    auto self = shared_from_this();
    std::exception_ptr error;
    try {
        co_await send_pieces(body, alone);
    } catch (...) {
        error = std::current_exception();
    }
    if (error && !closed) {
        upload_error_ = error;
        abandon();
    }
    // What the session might still take of a piece goes with the body.
    if (!output.empty() && output.data() != kept_output_.data())
        output = kept_output_ = std::string(output);
    output_trailers = nullptr;
    upload_done_ = true;
    uploading_ = false;
    wake();
    holds.reset();
}

Task<void> Http2ClientStream::wait_for_upload()
{
    while (uploading_)
        co_await wait();
}

Task<void> Http2ClientStream::send_pieces(BodyReader& body, bool alone)
{
    std::optional<std::uint64_t> remaining = body.length();
    for (;;) {
        std::string_view piece = co_await body.read();
        if (closed)
            co_return;
        if (remaining && (piece.size() > *remaining || (piece.empty() && *remaining > 0)))
            throw BodyError(BodyError::Kind::malformed);
        if (remaining)
            *remaining -= piece.size();
        const Headers* trailers = body.trailers();
        bool last = piece.empty() || (remaining == 0 && !trailers);
        output = piece;
        output_ends = last;
        output_trailers = last ? trailers : nullptr;
        progress();
        connection_->session().resume(*this);
        connection_->schedule_flush();
        while (!closed && (last ? !output_ended : !output.empty())) {
            if (alone && input_ended)
                break;
            co_await wait();
        }
        // The answer is complete and came first: nobody has asked for the rest.
        if (alone && input_ended && !output_ended)
            abandon();
        if (closed || last)
            co_return;
    }
}

Task<void> Http2ClientStream::wait_for_head()
{
    while (!head_complete && !closed && !failed()) {
        update_deadline();
        co_await wait();
    }
}

Task<void> Http2ClientStream::wait_for_end()
{
    reading_ = true;
    while (!input_ended && !closed && !failed()) {
        update_deadline();
        co_await wait();
    }
    reading_ = false;
    update_deadline();
}

Task<std::string_view> Http2ClientStream::read()
{
    given_ = Buffer();
    while (incoming_.empty()) {
        if (failed())
            fail();
        if (input_ended) {
            stop_watching();
            co_return std::string_view{};
        }
        reading_ = true;
        update_deadline();
        co_await wait();
        reading_ = false;
    }
    if (upload_error_)
        fail();
    given_ = std::move(incoming_);
    std::size_t size = given_.view().size();
    received_ += size;
    if (!closed && !input_ended) {
        widen_window();
        connection_->session().consume(*this, size);
        connection_->schedule_flush();
    }
    moved_at_ = coarse_now();
    update_deadline();
    co_return given_.view();
}

void Http2ClientStream::widen_window()
{
    if (received_ < window_bytes_ || window_bytes_ >= window_bytes_max)
        return;
    window_bytes_ = std::min(2 * window_bytes_, window_bytes_max);
    connection_->session().set_window(*this, window_bytes_);
}

void Http2ClientStream::abandon()
{
    stop_watching();
    deadline_.clear();
    // Here, and not when the body's reader notices: it may be gone by then.
    if (!output.empty() && output.data() != kept_output_.data())
        output = kept_output_ = std::string(output);
    output_trailers = nullptr;
    wake();
    if (closed)
        return;
    connection_->session().cancel(*this);
    connection_->schedule_flush();
    held_.reset();  // each holds the other until then
}

void Http2ClientStream::fail() const
{
    if (upload_error_)
        std::rethrow_exception(upload_error_);
    if (interrupted_)
        throw BodyError(*interrupted_);
    if (timed_out_)
        throw UpstreamError(UpstreamError::Kind::timeout, head_complete ? "the upstream's answer stopped coming"
                                                                        : "the upstream did not answer in time");
    if (end_ == End::malformed)
        throw UpstreamError(UpstreamError::Kind::malformed, "the upstream's answer breaks the rules of HTTP/2");
    throw UpstreamError(UpstreamError::Kind::closed, end_ == End::reset     ? "the upstream reset the stream"
                                                     : end_ == End::refused ? "the upstream refused the request"
                                                                            : "the upstream closed the connection");
}

void Http2ClientStream::begin()
{
    progress();
    wake();
}

void Http2ClientStream::take_input(std::string_view piece)
{
    std::size_t needed = incoming_.view().size() + piece.size();
    if (incoming_.space().size() < piece.size())
        incoming_.make_room(connection_->shared().buffers,
                            needed <= BufferPool::small_bytes
                                ? BufferPool::small_bytes
                                : std::max(std::bit_ceil(needed), BufferPool::large_bytes));
    std::memcpy(incoming_.space().data(), piece.data(), piece.size());
    incoming_.commit(piece.size());
    progress();
    if (reading_)
        wake();
}

void Http2ClientStream::end_input()
{
    progress();
    wake();
}

void Http2ClientStream::output_taken()
{
    if (output_ended && sent_at_ == SteadyTime::max())
        sent_at_ = coarse_now();
    progress();
    if (output.empty())
        wake();
}

void Http2ClientStream::close(End end)
{
    auto self = shared_from_this();
    if (!end_)
        end_ = end;
    deadline_.clear();
    wake();
    connection_->release(*this);
    held_.reset();
}

void Http2ClientStream::progress()
{
    moved_at_ = coarse_now();
    update_deadline();
}

// As for HTTP/1: the head after the sent request, then something now and then, either way, where the upstream's side is
// waited for.
void Http2ClientStream::update_deadline()
{
    if (closed)
        return;
    SteadyTime when = limits_.end;
    if (!head_complete && sent_at_ != SteadyTime::max())
        when = std::min(when, sent_at_ + limits_.first_byte);
    if (!output.empty() || (head_complete && reading_ && !input_ended))
        when = std::min(when, moved_at_ + limits_.idle);
    deadline_.set(when);
}

void Http2ClientStream::on_deadline(void* stream)
{
    auto self = static_cast<Http2ClientStream*>(stream)->shared_from_this();
    self->timed_out_ = true;
    self->connection_->doubt(self->began_);
    self->abandon();
}

Task<void> Http2ClientStream::wait() { co_await waiting_.async_wait(asio::as_tuple(asio::deferred)); }

const Headers* Http2ClientBody::trailers() const { return &stream_->input_trailers.fields(); }

}  // namespace gatehouse::http
