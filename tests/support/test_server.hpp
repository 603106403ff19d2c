// SPDX-License-Identifier: Apache-2.0
// A server of ours on one I/O thread of its own, and handlers for tests.
#pragma once

#include "http/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gatehouse::testing {

// Options under which a test that waits for a deadline does not wait long.
inline http::ServerOptions quick_options()
{
    http::ServerOptions options;
    options.name = "test";
    return options;
}

class TestServer final {
public:
    explicit TestServer(http::Handler handler, http::ServerOptions options = quick_options())
        : server_(threads_, std::move(options), std::move(handler))
    {
        threads_.start();
        server_.start();
    }
    ~TestServer() { server_.drain(std::chrono::milliseconds{0}); }

    std::uint16_t port() const { return server_.port(); }
    http::Server& server() { return server_; }
    asio::io_context& context() { return threads_.context(0); }

    // Waits until as many connections are open.
    bool wait_for_connections(std::size_t count)
    {
        for (int i = 0; i < 5000 && server_.connection_count() != count; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        return server_.connection_count() == count;
    }

private:
    IoThreads threads_{1};
    http::Server server_;
};

// Where a handler waits until the test lets it go on.
class Gate final {
public:
    explicit Gate(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    // In a handler. The timer lives here and not in the Gate, which may outlive the server's context.
    Task<void> pass()
    {
        asio::steady_timer timer(executor_, asio::steady_timer::time_point::max());
        timer_ = &timer;
        entered_.count_down();
        co_await timer.async_wait(asio::as_tuple(asio::deferred));
        timer_ = nullptr;
    }

    // In the test.
    void wait_until_entered() { entered_.wait(); }
    void open()
    {
        asio::post(executor_, [this] {
            if (timer_)
                timer_->expires_at(asio::steady_timer::time_point::min());
        });
    }

private:
    asio::any_io_executor executor_;
    asio::steady_timer* timer_ = nullptr;  // of the handler that waits; used on the server's thread alone
    std::latch entered_{1};
};

// A body out of given pieces, which can break off, or say another length than it has.
class PiecesBody final : public http::BodyReader {
public:
    explicit PiecesBody(std::vector<std::string> pieces, std::optional<std::uint64_t> length = std::nullopt,
                        bool breaks_off = false)
        : pieces_(std::move(pieces)), length_(length), breaks_off_(breaks_off)
    {
    }

    Task<std::string_view> read() override
    {
        if (next_ < pieces_.size())
            co_return pieces_[next_++];
        if (breaks_off_)
            throw std::runtime_error("the source of the body is gone");
        co_return std::string_view{};
    }
    std::optional<std::uint64_t> length() const override { return length_; }
    std::size_t pieces_read() const { return next_; }

private:
    std::vector<std::string> pieces_;
    std::optional<std::uint64_t> length_;
    bool breaks_off_;
    std::size_t next_ = 0;
};

// The same byte over and over.
class LongBody final : public http::BodyReader {
public:
    LongBody(std::uint64_t size, bool known) : size_(size), left_(size), known_(known) {}

    Task<std::string_view> read() override
    {
        std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece_.size()));
        left_ -= size;
        co_return std::string_view(piece_).substr(0, size);
    }
    std::optional<std::uint64_t> length() const override
    {
        return known_ ? std::optional<std::uint64_t>(size_) : std::nullopt;
    }

private:
    std::string piece_ = std::string(64 * 1024, 'x');
    std::uint64_t size_;
    std::uint64_t left_;
    bool known_;
};

inline http::Response text_response(std::string text, int status = 200)
{
    http::Response response;
    response.status = status;
    response.body = std::move(text);
    return response;
}

inline http::Response stream_response(std::unique_ptr<http::BodyReader> stream)
{
    http::Response response;
    response.stream = std::move(stream);
    return response;
}

// "METHOD target body", with the body read to its end.
inline Task<http::Response> echo(http::Request& request)
{
    std::string text = request.head.method + ' ' + request.head.target + ' ';
    for (;;) {
        std::string_view piece = co_await request.body->read();
        if (piece.empty())
            break;
        text += piece;
    }
    co_return text_response(std::move(text));
}

inline Task<http::Response> ignore_body_as(std::string answer) { co_return text_response(std::move(answer)); }

// Leaves the body alone.
inline Task<http::Response> ignore_body(http::Request&) { co_return text_response("done"); }

}  // namespace gatehouse::testing
