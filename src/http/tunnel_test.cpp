// SPDX-License-Identifier: Apache-2.0
// Connections that change their protocol, from a client through our server to a service.
#include "http/tunnel.hpp"

#include "http/upstream.hpp"
#include "http/websocket.hpp"
#include "support/imposter_server.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string handshake = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

// A server of ours that lets every request change to WebSocket.
class Front {
public:
    explicit Front(std::uint16_t port, std::chrono::milliseconds idle = 60s)
        : upstream_("chat", {{{.scheme = "http", .host = "127.0.0.1", .port = port}, 1}}, options(idle), clients_),
          server_(threads_, quick_options(), [this](Request& request) { return forward(request); })
    {
        threads_.start();
        server_.start();
    }
    ~Front()
    {
        drain(0ms);
        asio::post(threads_.context(0), [this] { clients_.at(0).close_idle(); });
        threads_.stop();
    }
    RawSocket connect() { return RawSocket::connect(server_.port()); }
    void drain(std::chrono::milliseconds grace) { server_.drain(grace); }
    void end_sessions() { over_ = true; }
    EndpointSet& endpoints() { return *upstream_.endpoints(); }

private:
    static UpstreamOptions options(std::chrono::milliseconds idle)
    {
        UpstreamOptions options;
        options.limits.tunnel_idle = idle;
        return options;
    }
    Task<Response> forward(Request& request)
    {
        if (request.head.headers.contains("upgrade"))
            request.upgrade = "websocket";
        Response response = co_await upstream_.send(request);
        if (response.tunnel)
            response.tunnel->is_over = [this] { return over_.load(); };
        co_return response;
    }

    std::atomic<bool> over_{false};
    IoThreads threads_{1};
    PerThread<Client> clients_{1, [this](std::size_t i) {
                                   return std::make_unique<Client>(threads_.context(i).get_executor(), ClientOptions{});
                               }};
    Upstream upstream_;
    Server server_;
};

// Answers the handshake, with the first bytes of the other protocol in the same piece, and sends back what comes.
void echo_service(RawSocket& peer)
{
    EXPECT_THAT(peer.read_until("\r\n\r\n"), HasSubstr("connection: upgrade\r\nupgrade: websocket\r\n"));
    peer.send(switching + "hello");
    for (std::string piece = peer.read_some(); !piece.empty(); piece = peer.read_some())
        peer.send(piece);
}

TEST(WebSocket, TheAcceptValueIsThatOfTheSpecification)
{
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Tunnel, PassesBytesBothWaysUntilBothEndsHaveClosed)
{
    ImposterServer service({echo_service});
    Front front(service.port());
    RawSocket client = front.connect();
    client.send(handshake);
    std::string head = client.read_until("\r\n\r\n");
    EXPECT_THAT(head, HasSubstr("HTTP/1.1 101 Switching Protocols\r\n"));
    EXPECT_THAT(head, HasSubstr("connection: upgrade\r\nupgrade: websocket\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("content-length")));
    EXPECT_EQ(client.read_exactly(5), "hello");
    for (int i = 0; i < 100; ++i) {
        client.send("ping " + std::to_string(i) + ";");
        EXPECT_EQ(client.read_until(";"), "ping " + std::to_string(i) + ";");
    }
    EXPECT_EQ(front.endpoints().in_progress(), 1U);
    client.shutdown_write();
    EXPECT_EQ(client.read_to_end(), "");
    auto end = std::chrono::steady_clock::now() + 5s;
    while (front.endpoints().in_progress() != 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(5ms);
    EXPECT_EQ(front.endpoints().in_progress(), 0U);
}

TEST(Tunnel, CarriesMuchMoreThanItsBuffersInBothDirectionsAtOnce)
{
    ImposterServer service({echo_service});
    Front front(service.port());
    RawSocket client = front.connect();
    client.send(handshake);
    client.read_until("hello");
    std::string sent(8'000'000, 'm');
    std::thread sender([&] {
        client.send(sent);
        client.shutdown_write();
    });
    EXPECT_EQ(client.read_to_end().size(), sent.size());
    sender.join();
}

TEST(Tunnel, ARefusedChangeIsAnOrdinaryAnswer)
{
    ImposterServer service({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        peer.read_to_end();
    }});
    Front front(service.port());
    RawSocket client = front.connect();
    RawResponse refused = client.ask(handshake);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.body, "no");
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").body, "ok") << "both connections go on";
}

TEST(Tunnel, AChangeThatIsNotTheOneAskedForIsRefused)
{
    for (const char* answer :
         {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"}) {
        ImposterServer service({[&](RawSocket& peer) {
            peer.read_until("\r\n\r\n");
            peer.send(answer);
            peer.read_to_end();
        }});
        Front front(service.port());
        EXPECT_EQ(front.connect().ask(handshake).status, 502) << answer;
    }
}

TEST(Tunnel, AChangeThatNobodyAskedForIsRefused)
{
    ImposterServer service({[&](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send(switching);
        peer.read_to_end();
    }});
    Front front(service.port());
    EXPECT_EQ(front.connect().ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 502);
}

TEST(Tunnel, AnIdleOneEndsAtItsDeadline)
{
    ImposterServer service({echo_service});
    Front front(service.port(), 300ms);
    RawSocket client = front.connect();
    client.send(handshake);
    client.read_until("hello");
    auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
}

TEST(Tunnel, AnIdleOneEndsWithItsSession)
{
    ImposterServer service({echo_service});
    Front front(service.port());
    RawSocket client = front.connect();
    client.send(handshake);
    client.read_until("hello");
    front.end_sessions();
    auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

TEST(Tunnel, EndsWhenTheServerStops)
{
    ImposterServer service({echo_service});
    Front front(service.port());
    RawSocket client = front.connect();
    client.send(handshake);
    client.read_until("hello");
    front.drain(200ms);
    EXPECT_EQ(client.read_to_end(), "");
}

}  // namespace
}  // namespace gatehouse::http
