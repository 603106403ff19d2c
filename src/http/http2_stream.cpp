// SPDX-License-Identifier: Apache-2.0
#include "http/http2_stream.hpp"

#include "base/log.hpp"
#include "http/exchange.hpp"
#include "http/http2_connection.hpp"
#include "http/problem.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace gatehouse::http {

namespace {

// A piece of a body that is worth a write of its own at once.
constexpr std::size_t large_piece_bytes = 8 * 1024;
// How far the window of a long body grows while its handler keeps up, so that an upload from far away is not held up by
// the round trip. The window of the connection bounds all its streams together.
constexpr std::uint32_t window_bytes_max = 512 * 1024;

constexpr std::chrono::milliseconds look_interval{500};

}  // namespace

Http2Stream::Http2Stream(Http2Connection& connection, ServerContext& context, const asio::any_io_executor& executor)
    : connection_(connection), context_(context), waiting_(executor, asio::steady_timer::time_point::max()),
      deadline_(context.deadlines, &Http2Stream::on_deadline, this),
      read_deadline_(context.deadlines, &Http2Stream::on_read_deadline, this),
      look_(context.deadlines, &Http2Stream::on_look, this)
{
}

Http2Stream::~Http2Stream() { context_.give_back(std::move(work_)); }

void Http2Stream::begin(const Peer& peer)
{
    peer_ = &peer;
    work_ = context_.lend_workspace();
    head.begin(request().head, context_.options.parser, context_.options.http2.head_bytes_max);
    head_error = ParseError::none;
    head_complete = false;
    input_trailers.clear();
    output = {};
    output_ends = false;
    output_trailers = nullptr;
    input_ended = false;
    closed = false;
    received_ = 0;
    window_bytes_ = context_.options.http2.stream_window_bytes;
    length_.reset();
    continue_pending_ = false;
    read_expired_ = false;
    served_ = false;
    error_.reset();
    submitted_ = false;
    final_deadline_ = coarse_now() + context_.options.request_timeout;
    set_deadline(final_deadline_);
}

void Http2Stream::finish()
{
    if (!incoming_.empty())
        connection_.session().consume_connection(incoming_.view().size());
    incoming_ = Buffer();
    response_ = Response();
    deadline_.clear();
    read_deadline_.clear();
    look_.clear();
    request().body_holds.reset();
    context_.give_back(std::move(work_));
}

void Http2Stream::begin_request()
{
    length_ = head.content_length();
    if (!length_ && input_ended && incoming_.empty())
        length_ = 0;
    continue_pending_ = head.expect_continue() && !input_ended && incoming_.empty();
    begin_exchange(request(), *this, *peer_, context_.options.assign_request_ids);
    work_->interruption.reset();
    request().interruption = &work_->interruption;
    request().companions = this;
    look_.set(coarse_now() + look_interval);
}

Task<void> Http2Stream::serve()
{
    // Also when the coroutine is cancelled, or its answer broke off.
    struct Running {
        Http2Stream& stream;
        explicit Running(Http2Stream& of) : stream(of) { stream.running_ = true; }
        ~Running()
        {
            stream.running_ = false;
            stream.served_ = true;
            if (stream.companions_ != 0)
                stream.wake();
            if (!stream.closed && !stream.submitted_)
                stream.break_off("its handler ended without an answer");
            stream.connection_.release(stream);
        }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;
    } running(*this);

    begin_request();
    if (head_error == ParseError::none) {
        co_await answer_request();
    } else {
        context_.refused_heads.fetch_add(1, std::memory_order_relaxed);
        log::debug("http", "request refused",
                   {{"server", context_.options.name},
                    {"request_id", request().request_id},
                    {"reason", describe(head_error)}});
        Response refusal = problem_of(head_error).to_response(request().request_id);
        co_await send(std::move(refusal));
    }
}

Task<void> Http2Stream::answer_request()
{
    Response response = co_await answer(context_.handler, request());
    if (!closed)
        co_await send(std::move(response));
}

void Http2Stream::take_input(std::string_view piece)
{
    std::size_t needed = incoming_.view().size() + piece.size();
    if (incoming_.space().size() < piece.size())
        incoming_.make_room(context_.buffers, needed <= BufferPool::small_bytes
                                                  ? BufferPool::small_bytes
                                                  : std::max(std::bit_ceil(needed), BufferPool::large_bytes));
    std::memcpy(incoming_.space().data(), piece.data(), piece.size());
    incoming_.commit(piece.size());
    if (reading_)
        wake();
}

Task<std::string_view> Http2Stream::read()
{
    if (error_)
        throw BodyError(*error_);
    if (length_.value_or(0) > context_.options.body_bytes_max)
        fail(BodyError::Kind::too_large);
    Buffer& given = work_->input;
    given = Buffer();
    while (incoming_.empty()) {
        if (input_ended)
            co_return std::string_view{};
        if (closed || served_)
            fail(BodyError::Kind::closed);
        if (std::exchange(continue_pending_, false) && !submitted_) {
            connection_.session().send_continue(*this);
            connection_.schedule_flush();
        }
        reading_ = true;
        read_expired_ = false;
        read_deadline_.set(coarse_now() + context_.options.body_timeout);
        co_await wait();
        reading_ = false;
        read_deadline_.clear();
        if (read_expired_ && incoming_.empty() && !closed)
            fail(BodyError::Kind::too_slow);
    }
    if (closed && !input_ended)
        fail(BodyError::Kind::closed);
    given = std::move(incoming_);
    std::size_t size = given.view().size();
    received_ += size;
    widen_window();
    connection_.session().consume(id, size);
    connection_.schedule_flush();
    if (received_ > context_.options.body_bytes_max)
        fail(BodyError::Kind::too_large);
    co_return given.view();
}

void Http2Stream::widen_window()
{
    if (received_ < window_bytes_ || window_bytes_ >= window_bytes_max || input_ended)
        return;
    window_bytes_ = std::min(2 * window_bytes_, window_bytes_max);
    connection_.session().set_window(*this, window_bytes_);
}

Task<void> Http2Stream::send(Response response)
{
    response_ = std::move(response);
    check_status(response_, request());
    bool to_head = request().head.method == "HEAD";
    Framing framing = response_framing(response_, to_head, true);
    if (has_no_body(response_.status, to_head) || !response_.stream) {
        output = has_no_body(response_.status, to_head) ? std::string_view{} : std::string_view(response_.body);
        output_ends = true;
        submit(framing, !output.empty());
        co_return;
    }
    // The head of a stream of known length goes with the first piece, so that one that breaks before it still becomes a
    // proper answer; otherwise at once, for it may take long until the first piece.
    std::string_view first;
    if (framing.kind == Framing::Kind::length) {
        std::exception_ptr error;
        try {
            first = co_await response_.stream->read();
        } catch (...) {
            error = std::current_exception();
        }
        if (closed)
            co_return;
        if (error) {
            response_ = answer_exception(error, request());
            output = response_.body;
            output_ends = true;
            submit(response_framing(response_, to_head, true), !output.empty());
            co_return;
        }
    }
    co_await send_pieces(framing, first);
}

Task<void> Http2Stream::send_pieces(Framing framing, std::string_view piece)
{
    std::uint64_t sent = 0;
    bool known = framing.kind == Framing::Kind::length;
    bool first = true;
    for (;;) {
        if (!piece.empty() || known || !first) {
            if (!take_piece(piece, sent, framing))
                co_return;
        }
        if (first)
            submit(framing, true);
        else
            connection_.session().resume(*this);
        first = false;
        bool last = output_ends;
        if (output.size() >= large_piece_bytes)
            connection_.flush();
        else
            connection_.schedule_flush();
        if (last && output.empty())
            co_return;  // only the end is left to be sent
        while (!output.empty() && !closed)
            co_await wait();
        if (closed || last)
            co_return;
        set_deadline(SteadyTime::max());
        std::exception_ptr error;
        try {
            piece = co_await response_.stream->read();
        } catch (...) {
            error = std::current_exception();
        }
        if (closed)
            co_return;
        if (error) {
            break_off(describe_exception(error));
            co_return;
        }
    }
}

// Puts the piece where the session takes it; false when the body is not what was announced.
bool Http2Stream::take_piece(std::string_view& piece, std::uint64_t& sent, const Framing& framing)
{
    bool known = framing.kind == Framing::Kind::length;
    sent += piece.size();
    if (known && (sent > framing.length || (piece.empty() && sent < framing.length))) {
        break_off("the body has another length than announced");
        return false;
    }
    output = piece;
    output_trailers = response_.stream->trailers();
    output_ends = piece.empty() || (known && sent == framing.length && !output_trailers);
    set_deadline(coarse_now() + context_.options.body_timeout);
    return true;
}

void Http2Stream::submit(const Framing& framing, bool with_body)
{
    if (closed)
        return;
    submitted_ = true;
    set_deadline(coarse_now() + context_.options.body_timeout);
    connection_.session().send_head(*this, response_.status, response_.headers, framing, with_body);
    connection_.schedule_flush();
}

void Http2Stream::output_taken()
{
    set_deadline(coarse_now() + context_.options.body_timeout);
    if (output.empty() && running_)
        wake();
}

void Http2Stream::close()
{
    wake();
    if (running_)
        work_->interruption.fire(BodyError::Kind::closed);
    connection_.release(*this);
}

Task<void> Http2Stream::wait() { co_await waiting_.async_wait(asio::as_tuple(asio::deferred)); }

void Http2Stream::wake() { waiting_.cancel(); }

// Never later than the request's own end.
void Http2Stream::set_deadline(SteadyTime when) { deadline_.set(std::min(when, final_deadline_)); }

void Http2Stream::on_deadline(void* self)
{
    auto& stream = *static_cast<Http2Stream*>(self);
    // The answer was not read, or everything took too long.
    stream.cancel();
}

void Http2Stream::on_read_deadline(void* self)
{
    auto& stream = *static_cast<Http2Stream*>(self);
    stream.read_expired_ = true;
    stream.wake();
}

bool Http2Stream::start(Task<void> task)
{
    ++companions_;
    if (connection_.spawn(accompany(std::move(task))))
        return true;
    --companions_;
    return false;
}

Task<void> Http2Stream::accompany(Task<void> task)
{
    std::exception_ptr error;
    try {
        co_await std::move(task);
    } catch (...) {
        error = std::current_exception();
    }
    --companions_;
    connection_.release(*this);
    if (error)
        std::rethrow_exception(error);
}

// While a request takes long: whether its session has ended meanwhile.
void Http2Stream::on_look(void* self)
{
    auto& stream = *static_cast<Http2Stream*>(self);
    if (stream.work_->interruption.is_over())
        stream.work_->interruption.fire(BodyError::Kind::revoked);
    else
        stream.look_.set(coarse_now() + look_interval);
}

void Http2Stream::cancel()
{
    if (closed)
        return;
    connection_.session().reset(*this, Http2Session::Reset::cancel);
    connection_.schedule_flush();
}

// Makes the client notice that the answer is not whole.
void Http2Stream::break_off(std::string_view cause)
{
    log::warn("http", "answer broken off",
              {{"server", context_.options.name}, {"request_id", request().request_id}, {"cause", cause}});
    if (closed)
        return;
    connection_.session().reset(*this, Http2Session::Reset::internal_error);
    connection_.schedule_flush();
}

void Http2Stream::fail(BodyError::Kind kind)
{
    error_ = kind;
    throw BodyError(kind);
}

}  // namespace gatehouse::http
