// SPDX-License-Identifier: Apache-2.0
// The seam between roles, and a whole way: client, our server as a gateway, our server as a service.
#include "http/upstream.hpp"

#include "http/problem.hpp"
#include "support/imposter_server.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

const std::string get = "GET /g HTTP/1.1\r\nHost: client.example\r\n\r\n";

Endpoint local(std::uint16_t port) { return {.scheme = "http", .host = "127.0.0.1", .port = port}; }

std::uint16_t unused_port()
{
    ImposterServer gone({});
    return gone.port();
}

// A server that forwards everything to an upstream.
class Forwarder {
public:
    explicit Forwarder(std::vector<Endpoint> endpoints, ClientOptions options = {}, bool preserve_host = false,
                       ServerOptions server_options = quick_options())
        : clients_(
              1, [&](std::size_t i) { return std::make_unique<Client>(threads_.context(i).get_executor(), options); }),
          upstream_("service", std::move(endpoints), clients_),
          server_(threads_, server_options, [this, preserve_host](Request& request) {
              return upstream_.send(request, Passing{.preserve_host = preserve_host});
          })
    {
        threads_.start();
        server_.start();
    }
    ~Forwarder()
    {
        server_.drain(0ms);
        asio::post(threads_.context(0), [this] { clients_.at(0).close_idle(); });
        threads_.stop();
    }

    std::uint16_t port() const { return server_.port(); }

private:
    IoThreads threads_{1};
    PerThread<Client> clients_;
    Upstream upstream_;
    Server server_;
};

TEST(Upstream, InProcessAnswersWhatTheHandlerAnswersOrThrows)
{
    Upstream good("good", [](Request& request) { return echo(request); });
    EXPECT_TRUE(good.in_process());
    TestServer server([&](Request& request) { return good.send(request); });
    EXPECT_EQ(RawSocket::connect(server.port()).ask(get).body, "GET /g ");
}

TEST(Upstream, ForwardsRequestsAndBodiesOverHttp)
{
    TestServer service(echo);
    Forwarder gateway({local(service.port())});
    RawSocket client = RawSocket::connect(gateway.port());
    EXPECT_EQ(client.ask(get).body, "GET /g ");
    EXPECT_EQ(client.ask("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").body, "POST /p hello");
    EXPECT_EQ(client.ask("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").body,
              "POST /p abc");
    EXPECT_EQ(service.server().connection_count(), 1U);
}

Task<Response> long_answer(Request& request)
{
    co_return stream_response(std::make_unique<LongBody>(20'000'000, request.path() == "/known"));
}

TEST(Upstream, StreamsLargeBodiesBothWays)
{
    TestServer down(long_answer);
    Forwarder gateway({local(down.port())});
    RawSocket client = RawSocket::connect(gateway.port());
    EXPECT_EQ(client.ask("GET /known HTTP/1.1\r\nHost: a\r\n\r\n").body.size(), 20'000'000U);
    EXPECT_GT(client.ask("GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n").body.size(), 20'000'000U);

    TestServer up(echo);
    Forwarder back({local(up.port())});
    RawSocket sender = RawSocket::connect(back.port());
    std::string body(5'000'000, 'b');
    EXPECT_EQ(sender.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + body).body,
              "POST / " + body);
}

Task<Response> tell_host(Request& request) { co_return text_response(std::string(*request.head.headers.find("host"))); }

TEST(Upstream, TellsTheServiceItsOwnHostOrTheClients)
{
    TestServer service(tell_host);
    Forwarder own({local(service.port())});
    EXPECT_EQ(RawSocket::connect(own.port()).ask(get).body, "127.0.0.1:" + std::to_string(service.port()));
    Forwarder preserved({local(service.port())}, {}, true);
    EXPECT_EQ(RawSocket::connect(preserved.port()).ask(get).body, "client.example");
}

TEST(Upstream, TakesItsEndpointsInTurnAndSkipsOneThatIsNotThere)
{
    TestServer first([](Request&) { return ignore_body_as("first"); });
    TestServer second([](Request&) { return ignore_body_as("second"); });
    Forwarder gateway({local(first.port()), local(unused_port()), local(second.port())});
    RawSocket client = RawSocket::connect(gateway.port());
    std::map<std::string, int> counts;
    for (int i = 0; i < 6; ++i)
        ++counts[client.ask("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").body];
    EXPECT_EQ(counts["first"], 3);
    EXPECT_EQ(counts["second"], 3);
}

TEST(Upstream, DoesNotAskOneThatWasAwayAgainAtOnce)
{
    TestServer there([](Request&) { return ignore_body_as("there"); });
    std::uint16_t port = unused_port();
    Forwarder gateway({local(there.port()), local(port)});
    RawSocket client = RawSocket::connect(gateway.port());
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(client.ask(get).body, "there");
    ServerOptions options = quick_options();
    options.port = port;
    TestServer back([](Request&) { return ignore_body_as("back"); }, options);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(client.ask(get).body, "there");
    auto end = std::chrono::steady_clock::now() + 20s;
    while (client.ask(get).body != "back" && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(50ms);
    EXPECT_LT(std::chrono::steady_clock::now(), end);
}

TEST(Upstream, AsksOneThatWasAwayWhenNoOtherIsThere)
{
    std::uint16_t port = unused_port();
    Forwarder gateway({local(port), local(unused_port())});
    RawSocket client = RawSocket::connect(gateway.port());
    EXPECT_EQ(client.ask(get).status, 503);
    ServerOptions options = quick_options();
    options.port = port;
    TestServer late([](Request&) { return ignore_body_as("late"); }, options);
    EXPECT_EQ(client.ask(get).body, "late");
}

TEST(Upstream, Answers503WhenNoEndpointIsThere)
{
    Forwarder gateway({local(unused_port()), local(unused_port())});
    RawSocket client = RawSocket::connect(gateway.port());
    RawResponse response = client.ask(get);
    EXPECT_EQ(response.status, 503);
    EXPECT_THAT(response.head, HasSubstr("retry-after: "));
    EXPECT_EQ(client.ask(get).status, 503);
}

TEST(Upstream, Answers502ForABrokenAnswerAnd504ForALateOne)
{
    ImposterServer broken({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("nonsense\r\n\r\n");
        peer.read_to_end();
    }});
    Forwarder to_broken({local(broken.port())});
    EXPECT_EQ(RawSocket::connect(to_broken.port()).ask(get).status, 502);

    ImposterServer late({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.read_to_end();
    }});
    ClientOptions options;
    options.first_byte_timeout = 100ms;
    Forwarder to_late({local(late.port())}, options);
    EXPECT_EQ(RawSocket::connect(to_late.port()).ask(get).status, 504);
}

TEST(Upstream, AnswersForTheClientsOwnBrokenBody)
{
    auto drain_peer = [](RawSocket& peer) { peer.read_to_end(); };
    ImposterServer service({drain_peer, drain_peer, drain_peer});
    ServerOptions options = quick_options();
    options.body_bytes_max = 100;
    options.body_timeout = 200ms;
    Forwarder gateway({local(service.port())}, {}, false, options);

    RawSocket large = RawSocket::connect(gateway.port());
    EXPECT_EQ(large
                  .ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + std::string(50, 'x') +
                       "\r\n40\r\n" + std::string(64, 'x') + "\r\n0\r\n\r\n")
                  .status,
              413);
    RawSocket malformed = RawSocket::connect(gateway.port());
    EXPECT_EQ(malformed.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX").status, 400);
    RawSocket slow = RawSocket::connect(gateway.port());
    EXPECT_EQ(slow.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").status, 408);
}

TEST(Upstream, CutsTheClientWhenTheServiceBreaksOffWithinALargeBody)
{
    ImposterServer service({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(100'000, 'x'));
    }});
    Forwarder gateway({local(service.port())});
    RawSocket client = RawSocket::connect(gateway.port());
    client.send(get);
    EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("content-length: 1000000"));
    EXPECT_EQ(client.read_to_end().size(), 100'000U);
}

TEST(Upstream, PassesAnEarlyAnswerOnWhileTheClientStillSends)
{
    ImposterServer service({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        peer.read_to_end();
    }});
    Forwarder gateway({local(service.port())});
    RawSocket client = RawSocket::connect(gateway.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" + std::string(10'000, 'x'));
    std::string answer;
    // The client goes on until it sees the answer.
    std::thread sender([&] {
        while (client.try_send(std::string(10'000, 'x')))
            std::this_thread::sleep_for(1ms);
    });
    answer = client.read_to_end();
    client.shutdown_write();
    sender.join();
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 401"));
    EXPECT_TRUE(answer.ends_with("no"));
}

}  // namespace
}  // namespace gatehouse::http
