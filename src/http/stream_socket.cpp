// SPDX-License-Identifier: Apache-2.0
#include "http/stream_socket.hpp"

#include "base/error.hpp"
#include "http/tls_stream.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace gatehouse::http {

namespace {

constexpr std::size_t turn_bytes_max = 1024 * 1024;

IoStatus status_of(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK ? IoStatus::would_block : IoStatus::closed;
}

}  // namespace

void Gather::add(std::string_view piece)
{
    if (piece.empty())
        return;
    GH_ASSERT(count_ < parts_.size());
    parts_[count_++] = {const_cast<char*>(piece.data()), piece.size()};
}

void Gather::advance(std::size_t bytes)
{
    while (bytes > 0) {
        iovec& part = parts_[first_];
        std::size_t step = std::min(bytes, part.iov_len);
        part.iov_base = static_cast<char*>(part.iov_base) + step;
        part.iov_len -= step;
        bytes -= step;
        if (part.iov_len == 0)
            ++first_;
    }
}

StreamSocket::StreamSocket(Socket socket, Deadlines& deadlines)
    : socket_(std::move(socket)), deadline_(deadlines, &StreamSocket::on_deadline, this)
{
}

StreamSocket::~StreamSocket()
{
    if (tls_ && !cut_)
        tls_->close_notify();
}

void StreamSocket::set_tls(std::unique_ptr<TlsStream> tls) { tls_ = std::move(tls); }

Task<IoStatus> StreamSocket::handshake(SteadyTime deadline)
{
    for (;;) {
        IoStatus status = cut_ ? IoStatus::expired : tls_->handshake();
        if (status != IoStatus::would_block)
            co_return status;
        set_deadline(deadline);
        WaitResult result;
        if (tls_->wants_write()) {
            result = co_await writable();
        } else {
            socket_.set_dry();
            result = co_await readable();
        }
        status = waited(result);
        if (status != IoStatus::done)
            co_return status;
    }
}

std::string_view StreamSocket::negotiated_protocol() const { return tls_ ? tls_->protocol() : std::string_view(); }
bool StreamSocket::tls_has_buffered_input() const { return tls_->has_buffered_input(); }
bool StreamSocket::is_truncated() const { return tls_ && tls_->is_truncated(); }

void StreamSocket::wake_for_buffered_input()
{
    if (has_buffered_input())
        wake();
}

void StreamSocket::set_deadline(SteadyTime when)
{
    expired_ = false;
    deadline_.set(std::min(when, final_deadline_));
}

void StreamSocket::set_final_deadline(SteadyTime when)
{
    final_deadline_ = when;
    set_deadline(when);
}

void StreamSocket::when_expired(Deadline::Expired expired, void* owner)
{
    expired_callback_ = expired;
    expired_owner_ = owner;
}

void StreamSocket::on_deadline(void* self)
{
    auto& stream = *static_cast<StreamSocket*>(self);
    if (stream.expired_callback_) {
        stream.expired_callback_(stream.expired_owner_);
        return;
    }
    stream.expired_ = true;
    if (stream.final_deadline_ <= std::chrono::steady_clock::now())
        stream.cut();
    else
        stream.wake();
}

void StreamSocket::cut()
{
    cut_ = true;
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    wake();
}

void StreamSocket::wake()
{
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

void StreamSocket::reset_on_close()
{
    // Not by Asio's option: its destructor takes that back, for a close that does not block.
    if (tls_)
        tls_->forget_close_notify();
    linger option{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

void StreamSocket::lift_unsent_bound()
{
    unsigned none = std::numeric_limits<unsigned>::max();
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &none, sizeof none);
}

void StreamSocket::shutdown_write()
{
    if (tls_)
        tls_->close_notify();
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
}

IoStatus StreamSocket::read_now(Buffer& buffer)
{
    if (cut_)
        return IoStatus::expired;
    if (tls_) [[unlikely]]
        return noted(tls_->read(buffer));
    std::size_t size = 0;
    IoStatus status = read_now(buffer.space(), size);
    buffer.commit(size);
    return status;
}

IoStatus StreamSocket::read_now(std::span<char> space, std::size_t& size)
{
    size = 0;
    if (cut_)
        return IoStatus::expired;
    ssize_t count = ::recv(socket_.native_handle(), space.data(), space.size(), MSG_DONTWAIT);
    if (count > 0) {
        size = static_cast<std::size_t>(count);
        if (size < space.size())
            socket_.set_dry();
        return IoStatus::done;
    }
    return count == 0 ? IoStatus::closed : nothing_read();
}

IoStatus StreamSocket::write_now(Gather& gather)
{
    if (cut_)
        return IoStatus::expired;
    if (tls_) [[unlikely]]
        return tls_->write(gather);
    while (!gather.done()) {
        std::span<iovec> parts = gather.parts();
        ssize_t size = 0;
        if (parts.size() == 1) {
            size = ::send(socket_.native_handle(), parts[0].iov_base, parts[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else {
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = parts.size();
            size = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        if (size < 0)
            return status_of(errno);
        gather.advance(static_cast<std::size_t>(size));
    }
    return IoStatus::done;
}

IoStatus StreamSocket::write_now(Buffer& output)
{
    Gather gather(output.view());
    IoStatus status = write_now(gather);
    std::size_t left = gather.done() ? 0 : gather.parts().front().iov_len;
    output.consume(output.view().size() - left);
    return status;
}

IoStatus StreamSocket::peek()
{
    if (cut_)
        return IoStatus::expired;
    if (tls_) [[unlikely]]
        return noted(tls_->peek());
    char byte = 0;
    ssize_t size = ::recv(socket_.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    if (size > 0)
        return IoStatus::done;
    return size == 0 ? IoStatus::closed : nothing_read();
}

IoStatus StreamSocket::nothing_read()
{
    IoStatus status = status_of(errno);
    if (status == IoStatus::would_block)
        socket_.set_dry();
    return status;
}

// TLS reads until it has a whole record, so it found nothing when it has none.
IoStatus StreamSocket::noted(IoStatus of_tls_read)
{
    if (of_tls_read == IoStatus::would_block)
        socket_.set_dry();
    return of_tls_read;
}

bool StreamSocket::is_peer_closed()
{
    pollfd entry{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

IoStatus StreamSocket::waited(const WaitResult& result)
{
    deadline_.set(final_deadline_);
    if (cut_ || expired_)
        return IoStatus::expired;
    return std::get<0>(result) && !has_buffered_input() ? IoStatus::closed : IoStatus::done;
}

Task<IoStatus> StreamSocket::read(Buffer& buffer, BufferPool& pool, std::size_t capacity,
                                  std::chrono::milliseconds timeout)
{
    for (;;) {
        buffer.make_room(pool, capacity);
        std::size_t before = buffer.view().size();
        IoStatus status = !cut_ && !tls_ && socket_.is_dry() ? IoStatus::would_block : read_now(buffer);
        if (status != IoStatus::would_block) {
            if (turn_is_over(buffer.view().size() - before))
                co_await asio::post(socket_.get_executor(), asio::deferred);
            co_return status;
        }
        bytes_without_wait_ = 0;
        if (buffer.empty())
            buffer = Buffer();
        set_deadline(coarse_now() + timeout);
        auto result = co_await readable();
        status = waited(result);
        if (status != IoStatus::done)
            co_return status;
    }
}

Task<IoStatus> StreamSocket::write(Gather gather, std::chrono::milliseconds timeout)
{
    for (;;) {
        IoStatus status = write_now(gather);
        if (status != IoStatus::would_block)
            co_return status;
        bytes_without_wait_ = 0;
        set_deadline(coarse_now() + timeout);
        auto waited_for = co_await writable();
        status = waited(waited_for);
        if (status != IoStatus::done)
            co_return status;
    }
}

Task<IoStatus> StreamSocket::write_or_readable(Gather& gather, std::chrono::milliseconds timeout)
{
    using namespace asio::experimental::awaitable_operators;
    for (;;) {
        IoStatus status = write_now(gather);
        if (status != IoStatus::would_block)
            co_return status;
        if (has_buffered_input())
            co_return IoStatus::would_block;
        bytes_without_wait_ = 0;
        set_deadline(coarse_now() + timeout);
        auto takes = socket_.async_wait(Socket::wait_write, asio::as_tuple(asio::use_awaitable));
        auto gives = socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
        auto first = co_await (std::move(takes) || std::move(gives));
        status = waited(WaitResult{});
        if (status == IoStatus::expired)
            co_return status;
        if (first.index() == 1)
            co_return IoStatus::would_block;
    }
}

bool StreamSocket::turn_is_over(std::size_t bytes)
{
    bytes_without_wait_ += bytes;
    if (bytes_without_wait_ < turn_bytes_max)
        return false;
    bytes_without_wait_ = 0;
    return true;
}

}  // namespace gatehouse::http
