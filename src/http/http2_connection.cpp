// SPDX-License-Identifier: Apache-2.0
#include "http/http2_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t spare_streams_max = 32;
constexpr std::size_t spare_streams_idle_max = 2;
constexpr std::size_t writers_max = 2;  // the second begins when the first ends
constexpr std::size_t turn_bytes_max = 1024 * 1024;
constexpr std::chrono::milliseconds linger_time{2'000};
// How long a client may take to hear that the server stops, before its new requests are refused.
constexpr std::chrono::milliseconds notice_time{1'000};

}  // namespace

PrefaceMatch match_http2_preface(std::string_view bytes)
{
    if (bytes.size() >= preface.size())
        return bytes.starts_with(preface) ? PrefaceMatch::yes : PrefaceMatch::no;
    return preface.starts_with(bytes) ? PrefaceMatch::partly : PrefaceMatch::no;
}

Http2Connection::Http2Connection(ServerContext& context, StreamSocket& stream, Peer peer)
    : OpenConnection(context), context_(context), stream_(stream), peer_(std::move(peer)),
      session_(*this, context.options.http2, context.options.parser),
      tasks_(stream.socket().get_executor(), "http", 4ULL * context.options.http2.streams_max + writers_max),
      later_(std::make_shared<Later>(this)), deadline_(context.deadlines, &Http2Connection::on_deadline, this),
      idle_since_(coarse_now()), head_since_(idle_since_)
{
}

Http2Connection::~Http2Connection() { later_->connection = nullptr; }

Task<void> Http2Connection::run(Buffer received)
{
    // Whatever ends it, its handlers end first.
    co_await asio::this_coro::throw_if_cancelled(false);
    input_ = std::move(received);
    if (context_.draining)
        drain();
    co_await receive_all();
    deadline_.clear();
    if (ending_ && !broken_)
        co_await linger();
    broken_ = true;
    stream_.cut();
    for (std::size_t i = streams_.size(); i > 0; --i) {
        Http2Stream& stream = *streams_[i - 1];
        if (!std::exchange(stream.closed, true))
            stream.close();
    }
    auto cancelled = co_await asio::this_coro::cancellation_state;
    bool at_once = cancelled.cancelled() != asio::cancellation_type::none;
    co_await tasks_.stop(at_once ? std::chrono::milliseconds{0} : context_.options.request_timeout);
}

Task<void> Http2Connection::receive_all()
{
    std::size_t bytes_without_wait = 0;
    take_turn(input_.view());
    while (!broken_ && !ending_) {
        IoStatus status = receive();
        if (status == IoStatus::done) {
            // A read that did not fill the buffer is followed by a wait, not by a read that finds nothing.
            bool more = input_.space().empty() || stream_.has_buffered_input();
            bytes_without_wait += input_.view().size();
            take_turn(input_.view());
            if (more && bytes_without_wait >= turn_bytes_max) {
                bytes_without_wait = 0;
                co_await asio::post(stream_.socket().get_executor(), asio::deferred);
            }
            if (more || broken_ || ending_)
                continue;
        } else if (status != IoStatus::would_block) {
            co_return;
        }
        bytes_without_wait = 0;
        input_ = Buffer();
        auto result = co_await stream_.readable();
        if (stream_.waited(result) != IoStatus::done)
            co_return;
    }
}

IoStatus Http2Connection::receive()
{
    // Bodies come in large pieces.
    input_.make_room(context_.buffers, streams_.empty() ? BufferPool::small_bytes : BufferPool::large_bytes);
    return stream_.read_now(input_);
}

void Http2Connection::take_turn(std::string_view received)
{
    in_turn_ = true;
    session_.receive(received);
    input_.consume(received.size());
    serve_begun();
    in_turn_ = false;
    flush();
}

// After the session has taken all that came: a request that was reset in the same moment is never begun.
void Http2Connection::serve_begun()
{
    for (std::size_t i = 0; i < begun_.size(); ++i) {
        // Not in the list any more, so that it can be released when it has been served.
        Http2Stream& stream = *std::exchange(begun_[i], nullptr);
        if (stream.closed)
            release(stream);
        else if (!tasks_.spawn(stream.serve()))
            session_.reset(stream, Http2Session::Reset::cancel);
    }
    begun_.clear();
}

Http2Exchange* Http2Connection::open()
{
    // Streams that were reset count until their handlers have noticed.
    if (streams_.size() >= 2ULL * context_.options.http2.streams_max)
        return nullptr;
    std::unique_ptr<Http2Stream> stream;
    if (spare_.empty()) {
        stream = std::make_unique<Http2Stream>(*this, context_, stream_.socket().get_executor());
    } else {
        stream = std::move(spare_.back());
        spare_.pop_back();
    }
    stream->begin(peer_);
    stream->index = streams_.size();
    streams_.push_back(std::move(stream));
    return streams_.back().get();
}

void Http2Connection::begin(Http2Exchange& exchange) { begun_.push_back(&static_cast<Http2Stream&>(exchange)); }

void Http2Connection::release(Http2Stream& stream)
{
    if (stream.in_use() || std::ranges::find(begun_, &stream) != begun_.end())
        return;
    stream.finish();
    std::unique_ptr<Http2Stream> owned = std::move(streams_[stream.index]);
    if (owned->index + 1 != streams_.size()) {
        streams_[owned->index] = std::move(streams_.back());
        streams_[owned->index]->index = owned->index;
    }
    streams_.pop_back();
    if (spare_.size() < spare_streams_max && !broken_)
        spare_.push_back(std::move(owned));
    if (streams_.empty())
        idle_since_ = coarse_now();
}

void Http2Connection::schedule_flush()
{
    if (in_turn_ || broken_ || std::exchange(later_->scheduled, true))
        return;
    asio::post(stream_.socket().get_executor(), [later = later_] {
        later->scheduled = false;
        if (later->connection)
            later->connection->flush();
    });
}

void Http2Connection::flush()
{
    if (broken_)
        return;
    if (blocked_since_ == SteadyTime::max() && !write_some()) {
        blocked_since_ = coarse_now();
        if (!tasks_.spawn(write_rest()))
            stream_.cut();
    }
    if (output_.empty())
        output_ = Buffer();
    if (!broken_ && blocked_since_ == SteadyTime::max() && session_.ended())
        begin_end();
    update_deadline();
}

// False when the peer takes no more for now.
bool Http2Connection::write_some()
{
    for (;;) {
        output_.make_room(context_.buffers, streams_.empty() ? BufferPool::small_bytes * 4 : BufferPool::large_bytes);
        session_.produce(output_);
        if (output_.empty())
            return true;
        IoStatus status = stream_.write_now(output_);
        if (status == IoStatus::would_block)
            return false;
        if (status != IoStatus::done) {
            broken_ = true;
            stream_.cut();
            return true;
        }
    }
}

Task<void> Http2Connection::write_rest()
{
    for (;;) {
        auto result = co_await stream_.writable();
        if (stream_.waited(result) != IoStatus::done || broken_)
            break;
        blocked_since_ = coarse_now();
        // What TLS has made of earlier bytes goes first.
        Gather nothing;
        IoStatus status = stream_.write_now(nothing);
        if (status == IoStatus::done ? write_some() : status != IoStatus::would_block)
            break;
        update_deadline();
    }
    blocked_since_ = SteadyTime::max();
    flush();
}

// Everything was said. What still comes is read away for a while (linger()), because closing before that would reset
// the connection and could take the last words away before the client has read them.
void Http2Connection::begin_end()
{
    if (std::exchange(ending_, true))
        return;
    stream_.shutdown_write();
    boost::system::error_code ignored;
    stream_.socket().cancel(ignored);
}

Task<void> Http2Connection::linger()
{
    stream_.set_final_deadline(coarse_now() + std::min(linger_time, context_.options.idle_timeout));
    std::uint64_t budget = context_.options.drain_bytes_max;
    for (;;) {
        input_.consume(input_.view().size());
        IoStatus status = co_await stream_.read(input_, context_.buffers, BufferPool::small_bytes, linger_time);
        if (status != IoStatus::done || input_.view().size() > budget)
            co_return;
        budget -= input_.view().size();
    }
}

void Http2Connection::drain()
{
    if (std::exchange(end_announced_, true))
        return;
    session_.announce_end();
    drain_since_ = coarse_now();
    schedule_flush();
}

void Http2Connection::update_deadline()
{
    if (!session_.head_pending())
        head_since_ = SteadyTime::max();
    else if (head_since_ == SteadyTime::max())
        head_since_ = coarse_now();

    auto after = [](SteadyTime since, std::chrono::milliseconds time) {
        return since == SteadyTime::max() ? since : since + time;
    };
    const ServerOptions& options = context_.options;
    SteadyTime when = std::min({after(head_since_, options.header_timeout), after(blocked_since_, options.body_timeout),
                                after(drain_since_, notice_time)});
    if (streams_.empty()) {
        when = std::min(when, idle_since_ + options.idle_timeout);
        if (spare_.size() > spare_streams_idle_max)
            spare_.resize(spare_streams_idle_max);
    }
    deadline_.set(when);
}

void Http2Connection::on_deadline(void* self)
{
    auto& me = *static_cast<Http2Connection*>(self);
    const ServerOptions& options = me.context_.options;
    auto passed = [now = std::chrono::steady_clock::now()](SteadyTime since, std::chrono::milliseconds time) {
        return since != SteadyTime::max() && since + time <= now;
    };
    if (passed(me.blocked_since_, options.body_timeout)) {
        me.broken_ = true;
        me.stream_.cut();
        return;
    }
    if (passed(me.head_since_, options.header_timeout) ||
        (me.streams_.empty() && passed(me.idle_since_, options.idle_timeout))) {
        me.head_since_ = SteadyTime::max();
        me.idle_since_ = std::chrono::steady_clock::now();
        me.session_.end(Http2Session::End::no_error);
    }
    if (passed(me.drain_since_, notice_time)) {
        me.drain_since_ = SteadyTime::max();
        me.session_.stop_opening();
    }
    me.flush();
}

}  // namespace gatehouse::http
