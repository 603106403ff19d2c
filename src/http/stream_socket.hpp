// SPDX-License-Identifier: Apache-2.0
// A connected TCP or Unix socket with one deadline, for the server's connections and the client's; with TLS on it
// where one was given (set_tls).
//
// Every operation first tries without waiting, by a system call of its own, but for a read of a socket that is known to
// be dry. A wait ends when the socket is ready, the deadline has passed, or cut() was called. One operation at a time;
// one thread.
//
// TLS takes more from the socket than was asked for, so who waits for bytes looks at has_buffered_input() first, or has
// tried to read since: a read that gives `would_block` leaves nothing behind.
#pragma once

#include "base/task.hpp"
#include "http/buffer_pool.hpp"
#include "http/deadline.hpp"
#include "http/polled_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>

#include <sys/uio.h>

namespace gatehouse::http {

class TlsStream;

enum class IoStatus {
    done,
    would_block,
    closed,   // by the peer, or broken
    expired,  // the deadline has passed, or the connection was cut
};

// Up to four pieces of memory to be sent in order, and how far that has come.
class Gather final {
public:
    Gather() = default;
    explicit Gather(std::string_view piece) { add(piece); }

    void add(std::string_view piece);
    bool done() const { return first_ == count_; }
    void advance(std::size_t bytes);
    std::span<iovec> parts() { return std::span(parts_).subspan(first_, count_ - first_); }

private:
    std::array<iovec, 4> parts_{};
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

class StreamSocket final {
public:
    using Socket = PolledSocket;

    StreamSocket(Socket socket, Deadlines& deadlines);
    ~StreamSocket();  // under TLS it says that nothing follows, unless the connection broke or was cut
    StreamSocket(const StreamSocket&) = delete;
    StreamSocket& operator=(const StreamSocket&) = delete;

    // From here on everything is protected, once the handshake is done; null: not any more.
    void set_tls(std::unique_ptr<TlsStream> tls);
    TlsStream* tls() const { return tls_.get(); }  // null: a plain connection
    // Unless it gives `done` the connection is of no use any more, and tls() may know why.
    Task<IoStatus> handshake(SteadyTime deadline);
    // By ALPN, such as "h2"; empty: none, or no TLS.
    std::string_view negotiated_protocol() const;

    // The time for the next wait; forgotten when it ends. Never later than the final deadline.
    void set_deadline(SteadyTime when);
    // The time for everything: when it has passed the connection is cut.
    void set_final_deadline(SteadyTime when);

    // Instead of waking up who waits, an expired deadline calls this; null: as before.
    void when_expired(Deadline::Expired expired, void* owner);

    // Ends the connection in both directions and wakes up who waits. What follows gives `expired`.
    void cut();
    bool is_cut() const { return cut_; }
    // Makes the closing of the socket a reset, so that a peer cannot take it for the regular end of a body.
    void reset_on_close();
    void shutdown_write();
    // Lets the kernel take as much as it wants to, for a peer that has shown that it reads (see listen_socket.cpp).
    void lift_unsent_bound();

    // Bytes that have left the socket and were not read yet.
    bool has_buffered_input() const { return tls_ && tls_has_buffered_input(); }
    // Wakes up who waits for bytes that another's peek() has taken from the socket.
    void wake_for_buffered_input();
    // After `closed`: the peer's end of the stream is not known to be its regular one.
    bool is_truncated() const;

    // Sends what the kernel takes.
    IoStatus write_now(Gather& gather);
    IoStatus write_now(Buffer& output);  // what was sent is no longer in it
    // What has come that was not read: done with 1 byte or more, closed, or would_block for a quiet connection.
    IoStatus peek();
    // would_block without a system call where that is known already, by the events that have been handed out so far.
    IoStatus glance() { return !cut_ && !tls_ && socket_.is_quiet() ? IoStatus::would_block : peek(); }
    // Whether the peer has closed its direction, whatever is still to be read.
    bool is_peer_closed();

    // Waits until there is something to read; no coroutine of its own:
    //     auto result = co_await stream.readable();
    //     IoStatus status = stream.waited(result);
    using WaitResult = std::tuple<boost::system::error_code>;
    auto readable() { return socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::deferred)); }
    auto writable() { return socket_.async_wait(Socket::wait_write, asio::as_tuple(asio::deferred)); }
    IoStatus waited(const WaitResult& result);

    // Adds at least one byte to `buffer`, waiting for at most `timeout`; an empty buffer's memory goes back to `pool`
    // while it waits. Views into the buffer are invalid afterwards.
    Task<IoStatus> read(Buffer& buffer, BufferPool& pool, std::size_t capacity, std::chrono::milliseconds timeout);
    // The same without waiting, for a buffer with room.
    IoStatus read_now(Buffer& buffer);
    // The same for so many bytes at most, of a plain connection; `size` says how many came.
    IoStatus read_now(std::span<char> space, std::size_t& size);
    // Everything; `timeout` is for each wait without progress.
    Task<IoStatus> write(Gather gather, std::chrono::milliseconds timeout);
    // Like write, but stops with `would_block` when something arrives while the peer takes no more.
    Task<IoStatus> write_or_readable(Gather& gather, std::chrono::milliseconds timeout);

    Socket& socket() { return socket_; }

private:
    static void on_deadline(void* self);
    void wake();
    bool tls_has_buffered_input() const;
    IoStatus nothing_read();  // by errno
    IoStatus noted(IoStatus of_tls_read);

    // After a long run of operations that never waited, the other connections of the thread get a turn.
    bool turn_is_over(std::size_t bytes);

    Socket socket_;
    std::unique_ptr<TlsStream> tls_;
    SteadyTime final_deadline_ = SteadyTime::max();
    Deadline::Expired expired_callback_ = nullptr;
    void* expired_owner_ = nullptr;
    std::size_t bytes_without_wait_ = 0;
    bool expired_ = false;
    bool cut_ = false;
    Deadline deadline_;
};

}  // namespace gatehouse::http
