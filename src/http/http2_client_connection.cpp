// SPDX-License-Identifier: Apache-2.0
#include "http/http2_client_connection.hpp"

#include "http/http2_client_stream.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::size_t turn_bytes_max = 1024 * 1024;

}  // namespace

Http2ClientConnection::Http2ClientConnection(std::shared_ptr<void> client, Owner& owner, const Shared& shared,
                                             Lease lease)
    : client_(std::move(client)), owner_(&owner), shared_(shared), executor_(lease->stream.socket().get_executor()),
      lease_(std::move(lease)), session_(shared_.limits, shared_.options.parser),
      deadline_(shared_.deadlines, &Http2ClientConnection::on_deadline, this), idle_since_(coarse_now()),
      received_at_(idle_since_)
{
    lease_->stream.set_deadline(SteadyTime::max());
}

Http2ClientConnection::~Http2ClientConnection() = default;

void Http2ClientConnection::start()
{
    flush();
    if (!ended_)
        wait_readable();
}

bool Http2ClientConnection::has_room()
{
    if (retired_ || ended_ || !session_.takes_requests() || streams_.size() >= session_.streams_max())
        return false;
    if (lease_->stream.glance() != IoStatus::closed)
        return true;
    end();
    return false;
}

bool Http2ClientConnection::open(const std::shared_ptr<Http2ClientStream>& stream, const Request& request,
                                 std::string_view target, bool with_body)
{
    if (ended_ || !session_.open(*stream, request, target, "http", with_body))
        return false;
    streams_.push_back(stream);
    schedule_flush();
    return true;
}

void Http2ClientConnection::release(Http2ClientStream& stream)
{
    auto found = std::ranges::find(streams_, &stream, [](const auto& item) { return item.get(); });
    if (found == streams_.end())
        return;
    auto last = std::move(*found);
    *found = std::move(streams_.back());
    streams_.pop_back();
    if (streams_.empty())
        idle_since_ = coarse_now();
    if (!ended_) {
        schedule_flush();
        owner_->changed(*this);
    }
}

void Http2ClientConnection::retire()
{
    if (std::exchange(retired_, true))
        return;
    schedule_flush();
}

void Http2ClientConnection::doubt(SteadyTime since)
{
    if (received_at_ < since)
        retire();
}

void Http2ClientConnection::end()
{
    if (std::exchange(ended_, true))
        return;
    auto self = shared_from_this();
    deadline_.clear();
    lease_.end();  // ends the waits, too
    input_ = Buffer();
    output_ = Buffer();
    for (const auto& stream : std::exchange(streams_, {})) {
        stream->closed = true;
        stream->close(session_.broken() && !stream->input_ended && session_.ready()
                          ? Http2ClientExchange::End::malformed
                          : Http2ClientExchange::End::connection);
    }
    owner_->changed(*this);
}

void Http2ClientConnection::wait_readable()
{
    lease_->stream.socket().async_wait(
        StreamSocket::Socket::wait_read,
        [self = shared_from_this()](const boost::system::error_code&) { self->on_readable(); });
}

void Http2ClientConnection::on_readable()
{
    if (ended_)
        return;
    in_turn_ = true;
    bool alive = receive();
    in_turn_ = false;
    if (!alive) {
        end();
        return;
    }
    flush();
    if (!ended_)
        owner_->changed(*this);
    if (!ended_)
        wait_readable();
}

// False when nothing more will come.
bool Http2ClientConnection::receive()
{
    std::size_t turn = 0;
    StreamSocket& stream = lease_->stream;
    for (;;) {
        input_.make_room(shared_.buffers, streams_.empty() ? BufferPool::small_bytes : BufferPool::large_bytes);
        IoStatus status = stream.read_now(input_);
        if (status == IoStatus::would_block)
            break;
        if (status != IoStatus::done)
            return false;
        received_at_ = coarse_now();
        bool more = input_.space().empty() || stream.has_buffered_input();
        turn += input_.view().size();
        session_.receive(input_.view());
        input_.consume(input_.view().size());
        // What is left lets the next wait end at once.
        if (!more || turn >= turn_bytes_max)
            break;
    }
    input_ = Buffer();
    return true;
}

void Http2ClientConnection::schedule_flush()
{
    if (in_turn_ || ended_ || std::exchange(flush_scheduled_, true))
        return;
    asio::post(executor_, [self = shared_from_this()] {
        self->flush_scheduled_ = false;
        self->flush();
    });
}

void Http2ClientConnection::flush()
{
    if (ended_)
        return;
    if (retired_ && streams_.empty())
        session_.end();
    if (blocked_since_ == SteadyTime::max() && !write_some() && !ended_) {
        blocked_since_ = coarse_now();
        lease_->stream.socket().async_wait(
            StreamSocket::Socket::wait_write,
            [self = shared_from_this()](const boost::system::error_code&) { self->on_writable(); });
    }
    if (ended_)
        return;
    if (output_.empty())
        output_ = Buffer();
    if (session_.broken() && blocked_since_ == SteadyTime::max()) {
        end();
        return;
    }
    update_deadline();
}

// False when the peer takes no more for now.
bool Http2ClientConnection::write_some()
{
    for (;;) {
        output_.make_room(shared_.buffers, streams_.empty() ? BufferPool::small_bytes * 4 : BufferPool::large_bytes);
        session_.produce(output_);
        if (output_.empty())
            return true;
        IoStatus status = lease_->stream.write_now(output_);
        if (status == IoStatus::would_block)
            return false;
        if (status != IoStatus::done) {
            end();
            return true;
        }
    }
}

void Http2ClientConnection::on_writable()
{
    blocked_since_ = SteadyTime::max();
    flush();
}

void Http2ClientConnection::update_deadline()
{
    SteadyTime when = SteadyTime::max();
    if (streams_.empty())
        when = idle_since_ + shared_.options.idle_timeout;
    if (blocked_since_ != SteadyTime::max())
        when = std::min(when, blocked_since_ + shared_.options.body_timeout);
    deadline_.set(when);
}

void Http2ClientConnection::on_deadline(void* connection)
{
    auto self = static_cast<Http2ClientConnection*>(connection)->shared_from_this();
    SteadyTime now = std::chrono::steady_clock::now();
    const ClientOptions& options = self->shared_.options;
    if (self->blocked_since_ != SteadyTime::max() && self->blocked_since_ + options.body_timeout <= now)
        self->end();
    else if (self->streams_.empty() && self->idle_since_ + options.idle_timeout <= now)
        self->retire();
    else
        self->update_deadline();
}

}  // namespace gatehouse::http
