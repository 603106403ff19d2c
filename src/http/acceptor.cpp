// SPDX-License-Identifier: Apache-2.0
#include "http/acceptor.hpp"

#include "base/log.hpp"
#include "http/connection.hpp"
#include "http/http2_connection.hpp"
#include "http/listen_socket.hpp"
#include "http/proxied_connection.hpp"
#include "http/public_side.hpp"
#include "http/server_handshake.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace gatehouse::http {

namespace {

constexpr int accept_batch_max = 16;
constexpr std::chrono::milliseconds failure_pause{100};
constexpr std::chrono::milliseconds drain_look{20};
// For the last part of a handshake that has begun: a round trip to nearly anywhere.
constexpr std::chrono::milliseconds handshake_rest{250};

std::string address_text(const sockaddr_storage& storage, socklen_t size)
{
    asio::ip::tcp::endpoint endpoint;
    if ((storage.ss_family != AF_INET && storage.ss_family != AF_INET6) || size > endpoint.capacity())
        return {};
    std::memcpy(endpoint.data(), &storage, size);
    endpoint.resize(size);
    asio::ip::address address = endpoint.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address.to_string();
}

// A connection whose first bytes have not said yet which version of HTTP it speaks.
class ProtocolChoice final : public OpenConnection {
public:
    ProtocolChoice(ServerContext& context, StreamSocket& stream)
        : OpenConnection(context), context_(context), stream_(stream)
    {
    }

    void drain() override { stream_.cut(); }

    // What it reads for that is in `received` afterwards. Nothing else is decided about it here.
    Task<bool> is_http2(Buffer& received)
    {
        auto timeout = context_.options.idle_timeout;
        for (;;) {
            IoStatus status = co_await stream_.read(received, context_.buffers, BufferPool::small_bytes, timeout);
            if (status != IoStatus::done)
                stream_.cut();
            PrefaceMatch match = match_http2_preface(received.view());
            if (status != IoStatus::done || match != PrefaceMatch::partly)
                co_return match == PrefaceMatch::yes;
            timeout = context_.options.header_timeout;
        }
    }

private:
    ServerContext& context_;
    StreamSocket& stream_;
};

}  // namespace

Acceptor::Acceptor(asio::io_context& io, UniqueFd socket, const ServerOptions& options, const Handler& handler)
    : io_(io), context_(io.get_executor(), options, handler), listener_(io, socket.release()), pause_(io),
      end_look_(io), connections_(io.get_executor(), "http", options.connections_max),
      own_(io.get_executor(), "http", 2)
{
}

void Acceptor::listen()
{
    if (context_.options.shared_port)
        begin_to_listen(listener_.native_handle(), context_.options.name);
}

void Acceptor::start() { own_.spawn(accept()); }

Task<void> Acceptor::accept()
{
    while (!context_.draining) {
        bool pause = connections_.size() >= context_.options.connections_max;
        if (!pause) {
            co_await listener_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::deferred));
            pause = !context_.draining && !accept_batch();
        }
        if (pause) {
            pause_.expires_after(failure_pause);
            co_await pause_.async_wait(asio::as_tuple(asio::deferred));
        }
    }
}

bool Acceptor::accept_batch()
{
    for (int i = 0; i < accept_batch_max && connections_.size() < context_.options.connections_max; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        UniqueFd fd(::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd) {
            failing_ = false;
            serve(std::move(fd), address_text(address, size));
            continue;
        }
        int reason = errno;
        if (reason == EAGAIN || reason == EWOULDBLOCK)
            return true;
        if (reason == ECONNABORTED || reason == EINTR || reason == EPROTO || reason == EPERM)
            continue;  // one connection's own trouble
        if (!std::exchange(failing_, true))
            log::error("http", "cannot accept connections for now",
                       {{"server", context_.options.name}, {"error", std::strerror(reason)}});
        return false;
    }
    return true;
}

void Acceptor::serve(UniqueFd fd, std::string remote_address)
{
    try {
        StreamSocket::Socket socket(io_.get_executor());
        socket.assign(fd.get());
        static_cast<void>(fd.release());
        connections_.spawn(run_connection(std::move(socket), std::move(remote_address)));
    } catch (const std::exception& error) {
        log::error("http", "a connection could not be served",
                   {{"server", context_.options.name}, {"error", error.what()}});
    }
}

Task<void> Acceptor::run_connection(StreamSocket::Socket socket, std::string remote_address)
{
    context_.accepted.fetch_add(1, std::memory_order_relaxed);
    StreamSocket stream(std::move(socket), context_.deadlines);
    Peer peer{.address = std::move(remote_address)};
    AddressLimit::Place place;
    if (context_.options.public_side && !co_await find_client(stream, peer.address, place))
        co_return;
    if (context_.options.tls) {
        if (!co_await shake_hands(stream))
            co_return;
        peer.scheme = "https";
    }
    Buffer received;
    bool is_http2 = stream.negotiated_protocol() == "h2";
    if (context_.options.http2.cleartext && !context_.options.tls) {
        ProtocolChoice choice(context_, stream);
        is_http2 = co_await choice.is_http2(received);
    }
    if (is_http2) {
        co_await run_http2(stream, std::move(peer), std::move(received));
        co_return;
    }
    Connection connection(context_, stream, std::move(peer), std::move(received));
    co_await connection.run();
}

bool Acceptor::admit(const std::string& address, AddressLimit::Place& place) const
{
    PublicSide& side = *context_.options.public_side;
    if (!side.limit || side.trusts(address))
        return true;
    place = side.limit->enter(address);
    return static_cast<bool>(place);
}

Task<bool> Acceptor::find_client(StreamSocket& stream, std::string& address, AddressLimit::Place& place)
{
    PublicSide& side = *context_.options.public_side;
    if (!side.proxy_protocol || !side.trusts(address))
        co_return admit(address, place);
    std::optional<std::string> source;
    {
        ProxiedConnection connection(context_, stream);
        source = co_await connection.find_source();
    }
    if (!source) {
        side.refused_proxy_headers.fetch_add(1, std::memory_order_relaxed);
        log::debug("http", "no proper PROXY header", {{"server", context_.options.name}, {"address", address}});
        co_return false;
    }
    if (source->empty())
        co_return true;  // the proxy itself
    address = std::move(*source);
    co_return admit(address, place);
}

Task<bool> Acceptor::shake_hands(StreamSocket& stream)
{
    ServerHandshake handshake(context_, stream);
    co_return co_await handshake.run();
}

// A coroutine of its own, so that the others do not hold its memory.
Task<void> Acceptor::run_http2(StreamSocket& stream, Peer peer, Buffer received)
{
    Http2Connection connection(context_, stream, std::move(peer));
    co_await connection.run(std::move(received));
}

void Acceptor::drain(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace, std::function<void()> ended)
{
    own_.spawn(stop(grace, idle_grace));
    wait_for_end(std::move(ended));
}

Task<void> Acceptor::stop(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace)
{
    if (context_.options.shared_port && idle_grace.count() > 0)
        co_await end_handshakes();
    stop_accepting();
    co_await stop_connections(grace, idle_grace);
}

// The kernel resets a connection whose handshake a closed socket had begun, though another one shares the port.
Task<void> Acceptor::end_handshakes()
{
    if (!begin_no_handshake(listener_.native_handle())) {
        log::warn("http", "handshakes that are under way may be lost",
                  {{"server", context_.options.name}, {"error", std::strerror(errno)}});
        co_return;
    }
    asio::steady_timer timer(io_, handshake_rest);
    co_await timer.async_wait(asio::as_tuple(asio::deferred));
}

void Acceptor::stop_accepting()
{
    accept_rest();
    context_.draining = true;
    boost::system::error_code ignored;
    listener_.close(ignored);
    pause_.cancel();
}

// The kernel resets what waits in a socket that is closed.
void Acceptor::accept_rest()
{
    std::size_t before = 0;
    do {
        before = connections_.size();
        if (!accept_batch())
            return;
    } while (connections_.size() > before);
}

Task<void> Acceptor::stop_connections(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace)
{
    auto began = std::chrono::steady_clock::now();
    if (idle_grace.count() > 0)
        co_await wait_for_idle(std::min(grace, idle_grace));
    context_.idle_ones_end = true;
    // From the end: one that is cut ends later, but nothing here depends on that.
    for (std::size_t i = context_.connections.size(); i > 0; --i)
        context_.connections[i - 1]->drain();
    auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    co_await connections_.stop(std::max(grace - spent, std::chrono::milliseconds{0}));
}

// A client may be sending a request on a connection that is idle here: it is answered, and its connection ends with
// the answer.
Task<void> Acceptor::wait_for_idle(std::chrono::milliseconds idle_grace)
{
    for (std::size_t i = context_.connections.size(); i > 0; --i)
        context_.connections[i - 1]->announce_end();
    auto end = std::chrono::steady_clock::now() + idle_grace;
    asio::steady_timer timer(io_);
    while (connections_.size() > 0 && std::chrono::steady_clock::now() < end) {
        timer.expires_after(drain_look);
        co_await timer.async_wait(asio::as_tuple(asio::deferred));
    }
}

void Acceptor::wait_for_end(std::function<void()> ended)
{
    // Tasks end before their group knows of it, so this asks the group, from outside of any task.
    if (own_.size() == 0 && context_.deadlines.resting()) {
        ended();
        return;
    }
    end_look_.expires_after(std::chrono::milliseconds{5});
    end_look_.async_wait([this, ended = std::move(ended)](const boost::system::error_code&) { wait_for_end(ended); });
}

}  // namespace gatehouse::http
