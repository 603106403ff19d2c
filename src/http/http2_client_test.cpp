// SPDX-License-Identifier: Apache-2.0
#include "http/client.hpp"

#include "http/client_fixture.hpp"
#include "support/http2_peer.hpp"
#include "support/imposter_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gtest/gtest.h>

#include <atomic>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using testing::Answer;
using Script = ImposterServer::Script;
using Peer = Http2Peer;

constexpr std::uint32_t refused_stream = 7;
constexpr std::uint32_t cancel = 8;
constexpr std::uint16_t max_concurrent_streams = 3;
constexpr std::uint16_t initial_window_size = 4;

// A body of unknown length, in pieces.
class Pieces final : public BodyReader {
public:
    explicit Pieces(std::vector<std::string> list) : list_(std::move(list)) { trailers_fields.add("x-sum", "1"); }
    Task<std::string_view> read() override
    {
        if (next_ == list_.size())
            co_return std::string_view{};
        co_return list_[next_++];
    }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }
    const Headers* trailers() const override { return &trailers_fields; }
    Headers trailers_fields;

private:
    std::vector<std::string> list_;
    std::size_t next_ = 0;
};

Endpoint endpoint_at(std::uint16_t port)
{
    return {.scheme = "http", .host = "127.0.0.1", .port = port, .prefix = "", .protocol = Protocol::http2};
}

class Http2ClientTest : public testing::ClientFixture {
protected:
    Answer ask(std::uint16_t port, std::string method = "GET", std::unique_ptr<BodyReader> body = nullptr)
    {
        return ClientFixture::ask(endpoint_at(port), std::move(method), std::move(body));
    }

    UpstreamError::Kind failure(Script script, std::string method = "GET")
    {
        ImposterServer server({std::move(script)});
        std::optional<UpstreamError::Kind> kind;
        try {
            Answer answer = ask(server.port(), std::move(method));
            ADD_FAILURE() << "answered " << answer.status;
        } catch (const UpstreamError& error) {
            kind = error.kind();
        }
        close();
        return kind.value();
    }

    // What is on its way when the client goes is sent; nothing is left that waits.
    void close()
    {
        client_.reset();
        context_.restart();
        context_.run_for(10s);
    }
};

// A head and whatever follows; then the client hangs up.
Script heads(std::string block, std::uint8_t flags = Peer::end_headers | Peer::end_stream)
{
    return [=](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, flags, stream, block);
        socket.read_to_end();
    };
}

TEST_F(Http2ClientTest, UsesOneConnectionAgain)
{
    ImposterServer server({[](RawSocket& socket) {
        Peer peer(socket);
        for (int i = 0; i < 3; ++i)
            peer.answer(peer.read_request(), "ok");
        socket.read_to_end();
    }});
    for (int i = 0; i < 3; ++i) {
        Answer answer = ask(server.port());
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "ok");
    }
    EXPECT_EQ(client_->idle_count(), 1U);
    close();
}

TEST_F(Http2ClientTest, SendsBodyAndTrailers)
{
    std::string got;
    ImposterServer server({[&](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        got = peer.read(Peer::data).payload;
        got += peer.read(Peer::data).payload;
        Peer::Frame trailers = peer.read(Peer::headers);
        EXPECT_EQ(trailers.flags & Peer::end_stream, Peer::end_stream);
        peer.answer(stream, "thanks");
        socket.read_to_end();
    }});
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<Pieces>(std::vector<std::string>{"one", "two"})).body,
              "thanks");
    EXPECT_EQ(got, "onetwo");
    close();
}

TEST_F(Http2ClientTest, GivesTrailersWithoutThoseThatMayNotBeThere)
{
    ImposterServer server({[](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, Peer::end_headers, stream, Peer::block({{":status", "200"}}));
        peer.send(Peer::data, 0, stream, "body");
        peer.send(Peer::headers, Peer::end_headers | Peer::end_stream, stream,
                  Peer::block({{"grpc-status", "0"}, {"set-cookie", "a=b"}, {"content-type", "x/y"}}));
        socket.read_to_end();
    }});
    Answer answer = ask(server.port());
    EXPECT_EQ(answer.body, "body");
    EXPECT_EQ(answer.trailers.size(), 1U);
    EXPECT_EQ(answer.trailers.find("grpc-status"), "0");
    close();
}

TEST_F(Http2ClientTest, SendsAgainWhatAGoawayLeavesOut)
{
    ImposterServer server({[](RawSocket& socket) {
                               Peer peer(socket);
                               peer.read_request();
                               peer.read(Peer::data);
                               peer.go_away(0);
                               socket.read_to_end();
                           },
                           [](RawSocket& socket) {
                               Peer peer(socket);
                               std::uint32_t stream = peer.read_request();
                               EXPECT_EQ(peer.read(Peer::data).payload, "once");
                               peer.answer(stream, "ok");
                               socket.read_to_end();
                           }});
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<StringBody>("once")).body, "ok");
    close();
}

TEST_F(Http2ClientTest, SendsAgainWhatWasRefusedTwiceAtMost)
{
    std::atomic<int> requests{0};
    ImposterServer server({[&](RawSocket& socket) {
        Peer peer(socket);
        for (int i = 0; i < 3; ++i) {
            std::uint32_t stream = peer.read_request();
            ++requests;
            peer.reset(stream, refused_stream);
        }
        socket.read_to_end();
    }});
    // Not ConnectFailed: what was read of the body would be missing at another endpoint.
    EXPECT_THROW(ask(server.port(), "POST", std::make_unique<StringBody>("x")), UpstreamError);
    close();
    EXPECT_EQ(requests, 3);
}

TEST_F(Http2ClientTest, LeavesWhatWasRefusedWithoutABodyToOtherEndpoints)
{
    ImposterServer server({[](RawSocket& socket) {
        Peer peer(socket);
        for (int i = 0; i < 3; ++i)
            peer.reset(peer.read_request(), refused_stream);
        socket.read_to_end();
    }});
    EXPECT_THROW(ask(server.port(), "POST"), ConnectFailed);
    close();
}

TEST_F(Http2ClientTest, DoesNotLoseTheBodyWhenNoFurtherConnectionIsMade)
{
    options_.connect_timeout = 300ms;
    ImposterServer server({[](RawSocket& socket) {
                               Peer peer(socket);
                               peer.read_request();
                               peer.read(Peer::data);
                               peer.go_away(0);
                               socket.read_to_end();
                           },
                           [](RawSocket& socket) { socket.read_to_end(); }});
    EXPECT_THROW(ask(server.port(), "POST", std::make_unique<StringBody>("x")), UpstreamError);
    close();
}

TEST_F(Http2ClientTest, DoesNotSendAgainWhatWasBegun)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        peer.reset(peer.read_request(), 2);
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::closed);
}

TEST_F(Http2ClientTest, SendsAnIdempotentRequestAgainWhenTheConnectionWasLost)
{
    ImposterServer server({[](RawSocket& socket) {
                               Peer peer(socket);
                               peer.answer(peer.read_request(), "first");
                               peer.read_request();  // and gone
                           },
                           [](RawSocket& socket) {
                               Peer peer(socket);
                               peer.answer(peer.read_request(), "second");
                               socket.read_to_end();
                           }});
    EXPECT_EQ(ask(server.port()).body, "first");
    EXPECT_EQ(ask(server.port()).body, "second");
    close();
}

TEST_F(Http2ClientTest, TellsABodyThatBreaksOff)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, Peer::end_headers, stream, Peer::block({{":status", "200"}}));
        peer.send(Peer::data, 0, stream, "half");
        peer.reset(stream, 2);
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::closed);
}

TEST_F(Http2ClientTest, TellsAConnectionThatBreaksOff)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, Peer::end_headers, stream, Peer::block({{":status", "200"}}));
        peer.send(Peer::data, 0, stream, "half");
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::closed);
}

TEST_F(Http2ClientTest, RefusesHeadsThatBreakTheRules)
{
    const std::vector<std::string> blocks{
        Peer::block({{"x", "no status"}}),
        Peer::block({{":status", "200"}, {":status", "200"}}),
        Peer::block({{"x", "1"}, {":status", "200"}}),
        Peer::block({{":status", "20"}}),
        Peer::block({{":status", "999"}}),
        Peer::block({{":status", "101"}}),
        Peer::block({{":status", "200"}, {":path", "/"}}),
        Peer::block({{":status", "200"}, {"connection", "close"}}),
        Peer::block({{":status", "200"}, {"transfer-encoding", "chunked"}}),
        Peer::block({{":status", "200"}, {"Upper", "case"}}),
        Peer::block({{":status", "200"}, {"x", "a\r\nb: c"}}),
        Peer::block({{":status", "200"}, {"x", std::string_view("\0", 1)}}),
        Peer::block({{":status", "200"}, {"content-length", "5"}}),
        Peer::block({{":status", "200"}, {"content-length", "0"}, {"content-length", "0"}}),
        Peer::block({{":status", "200"}, {"content-length", "+0"}}),
        Peer::block({{":status", "103"}}),  // and the end
    };
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        SCOPED_TRACE(i);
        EXPECT_EQ(failure(heads(blocks[i])), UpstreamError::Kind::malformed);
    }
}

TEST_F(Http2ClientTest, RefusesABodyWithAnotherLength)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, Peer::end_headers, stream, Peer::block({{":status", "200"}, {"content-length", "2"}}));
        peer.send(Peer::data, Peer::end_stream, stream, "three");
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::malformed);
}

TEST_F(Http2ClientTest, RefusesAHeadThatIsTooLarge)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        std::string value(15'000, 'a');
        std::string block = Peer::block({{":status", "200"}, {"a", value}});
        peer.send(Peer::headers, 0, stream, block);
        for (int i = 0; i < 6; ++i)
            peer.send(Peer::continuation, i == 5 ? Peer::end_headers : 0, stream, Peer::block({{"b", value}}));
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::malformed);
}

TEST_F(Http2ClientTest, EndsAConnectionThatNeverEndsItsHead)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, 0, stream, Peer::block({{":status", "200"}}));
        for (int i = 0; i < 1000; ++i)
            peer.send(Peer::continuation, 0, stream, "");
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::malformed);
}

TEST_F(Http2ClientTest, TakesInterimAnswersWithinReason)
{
    auto with = [](int count) {
        return [count](RawSocket& socket) {
            Peer peer(socket);
            std::uint32_t stream = peer.read_request();
            for (int i = 0; i < count; ++i)
                peer.send(Peer::headers, Peer::end_headers, stream, Peer::block({{":status", "103"}, {"link", "x"}}));
            peer.answer(stream, "ok");
            socket.read_to_end();
        };
    };
    ImposterServer server({with(8)});
    Answer answer = ask(server.port());
    EXPECT_EQ(answer.body, "ok");
    EXPECT_FALSE(answer.headers.contains("link"));
    close();
    EXPECT_EQ(failure(with(9)), UpstreamError::Kind::malformed);
}

TEST_F(Http2ClientTest, WidensTheWindowOnlyForWhatWasRead)
{
    const std::string piece(16'384, 'x');
    ImposterServer server({[&](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, Peer::end_headers, stream, Peer::block({{":status", "200"}}));
        std::int64_t window = 128 * 1024;
        for (int i = 0; i < 100; ++i) {
            while (window < static_cast<std::int64_t>(piece.size()))
                window += Peer::number(peer.read_of_stream(Peer::window_update).payload);
            window -= static_cast<std::int64_t>(piece.size());
            peer.send(Peer::data, i == 99 ? Peer::end_stream : 0, stream, piece);
        }
        socket.read_to_end();
    }});
    EXPECT_EQ(ask(server.port()).body.size(), 100 * piece.size());
    close();
}

TEST_F(Http2ClientTest, SendsNoMoreThanThePeersWindowTakes)
{
    std::vector<std::size_t> sizes;
    ImposterServer server({[&](RawSocket& socket) {
        Peer peer(socket, Peer::setting(initial_window_size, 10));
        std::uint32_t stream = peer.read_request();
        for (std::size_t got = 0; got < 25;) {
            Peer::Frame frame = peer.read(Peer::data);
            sizes.push_back(frame.payload.size());
            got += frame.payload.size();
            if (got < 25)
                peer.send(Peer::window_update, 0, stream, Peer::number_text(10));
        }
        peer.answer(stream, "ok");
        socket.read_to_end();
    }});
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<StringBody>(std::string(25, 'x'))).body, "ok");
    EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 10, 5}));
    close();
}

TEST_F(Http2ClientTest, GivesUpOnALateAnswerAndSaysSo)
{
    options_.first_byte_timeout = 200ms;
    std::uint32_t code = 0;
    auto script = [&](RawSocket& socket) {
        Peer peer(socket);
        peer.read_request();
        code = Peer::number(peer.read(Peer::rst_stream).payload);
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::timeout);
    EXPECT_EQ(code, cancel);
}

TEST_F(Http2ClientTest, GivesUpOnASilentBody)
{
    options_.body_timeout = 200ms;
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(Peer::headers, Peer::end_headers, stream, Peer::block({{":status", "200"}}));
        peer.read(Peer::rst_stream);
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::timeout);
}

TEST_F(Http2ClientTest, KnowsAServerThatSpeaksHttp1)
{
    ImposterServer server({[](RawSocket& socket) {
        socket.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        socket.read_to_end();
    }});
    EXPECT_THROW(ask(server.port()), ConnectFailed);
    close();
}

TEST_F(Http2ClientTest, WaitsForTheGreetingForSoLongOnly)
{
    options_.connect_timeout = 200ms;
    ImposterServer server({[](RawSocket& socket) { socket.read_to_end(); }});
    EXPECT_THROW(ask(server.port()), ConnectFailed);
    close();
}

TEST_F(Http2ClientTest, OpensAFurtherConnectionWhereOneIsFull)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket, Peer::setting(max_concurrent_streams, 1));
        peer.answer(peer.read_request(), "ok");
        socket.read_to_end();
    };
    ImposterServer server({script, script});
    auto both = [](Task<Answer> first, Task<Answer> second) -> Task<std::string> {
        using namespace asio::experimental::awaitable_operators;
        auto answers = co_await (std::move(first) && std::move(second));
        co_return std::get<0>(answers).body + std::get<1>(answers).body;
    };
    auto first = ask_task(endpoint_at(server.port()), "GET", nullptr);
    auto second = ask_task(endpoint_at(server.port()), "GET", nullptr);
    EXPECT_EQ(run_task(context_, both(std::move(first), std::move(second))), "okok");
    close();
}

TEST_F(Http2ClientTest, DoesNotTakePushes)
{
    auto script = [](RawSocket& socket) {
        Peer peer(socket);
        std::uint32_t stream = peer.read_request();
        peer.send(5, Peer::end_headers, stream, Peer::number_text(2) + Peer::block({{":method", "GET"}}));
        socket.read_to_end();
    };
    EXPECT_EQ(failure(script), UpstreamError::Kind::malformed);
}

}  // namespace
}  // namespace gatehouse::http
