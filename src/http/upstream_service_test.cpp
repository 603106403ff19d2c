// SPDX-License-Identifier: Apache-2.0
// What callers of a service see when its endpoints fail, are slow or are asked for too much.
#include "http/health_checks.hpp"
#include "http/upstream.hpp"
#include "support/imposter_server.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

const std::string get = "GET /g HTTP/1.1\r\nHost: client.example\r\n\r\n";

WeightedEndpoint local(std::uint16_t port) { return {{.scheme = "http", .host = "127.0.0.1", .port = port}, 1}; }

// A server of ours in front of a service.
class Front {
public:
    Front(std::vector<WeightedEndpoint> endpoints, UpstreamOptions options = {})
        : upstream_("service", std::move(endpoints), std::move(options), clients_),
          server_(threads_, quick_options(), [this](Request& request) { return upstream_.send(request); }),
          checks_tasks_(threads_.context(0).get_executor(), "test", 2)
    {
        threads_.start();
        server_.start();
    }
    ~Front()
    {
        server_.drain(0ms);
        asio::post(threads_.context(0), [this] {
            checks_tasks_.cancel();
            clients_.at(0).close_idle();
        });
        threads_.stop();
    }

    RawResponse ask(const std::string& request = get) { return RawSocket::connect(server_.port()).ask(request); }
    RawSocket connect() { return RawSocket::connect(server_.port()); }
    EndpointSet& endpoints() { return *upstream_.endpoints(); }
    std::string metrics() const { return metrics_.serialize(); }
    void start_checks()
    {
        checks_.add(upstream_.endpoints());
        asio::post(threads_.context(0), [this] { checks_tasks_.spawn(checks_.run()); });
    }

private:
    Metrics metrics_;
    std::shared_ptr<ClientMetrics> client_metrics_ = ClientMetrics::make(1, metrics_);
    IoThreads threads_{1};
    PerThread<Client> clients_{1, [this](std::size_t i) {
                                   return std::make_unique<Client>(threads_.context(i).get_executor(), ClientOptions{},
                                                                   client_metrics_);
                               }};
    Upstream upstream_;
    Server server_;
    HealthChecks checks_{clients_};
    TaskGroup checks_tasks_;
};

// A service that counts what it is asked and answers as it is told.
class Counted {
public:
    explicit Counted(int status = 200) : status_(status), server_([this](Request& request) { return answer(request); })
    {
    }
    WeightedEndpoint endpoint() const { return local(server_.port()); }
    int asked() const { return asked_; }
    void set_status(int status) { status_ = status; }

private:
    Task<Response> answer(Request& request)
    {
        ++asked_;
        while (!(co_await request.body->read()).empty()) {
        }
        co_return text_response(request.head.method, status_);
    }

    std::atomic<int> asked_{0};
    std::atomic<int> status_;
    TestServer server_;
};

// Closes without an answer, as often as it is asked.
class Breaking {
public:
    Breaking()
        : server_(std::vector<ImposterServer::Script>(2000, [this](RawSocket& peer) {
              if (peer.read_some().empty())
                  return;
              ++asked_;
          }))
    {
    }
    WeightedEndpoint endpoint() const { return local(server_.port()); }
    int asked() const { return asked_; }

private:
    std::atomic<int> asked_{0};
    ImposterServer server_;
};

UpstreamOptions never_ejecting()
{
    UpstreamOptions options;
    options.ejection.failures = 1'000'000;
    return options;
}

TEST(UpstreamService, AnIdempotentRequestGoesToAnotherEndpointWhenTheFirstBreaksOff)
{
    Breaking breaking;
    Counted good;
    Front front({breaking.endpoint(), good.endpoint()}, never_ejecting());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(front.ask().status, 200);
    EXPECT_GT(breaking.asked(), 0);
}

TEST(UpstreamService, ARequestThatMayHaveDoneSomethingIsNotSentAgain)
{
    for (const char* request : {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"}) {
        Breaking breaking;
        Counted good;
        Front front({breaking.endpoint(), good.endpoint()}, never_ejecting());
        EXPECT_EQ(front.ask(request).status, 502);
        EXPECT_EQ(good.asked(), 0);
        EXPECT_EQ(breaking.asked(), 1);
    }
}

TEST(UpstreamService, ARefusalIsTriedAgainOnlyWhereThatIsSet)
{
    Counted refusing(503);
    Counted good;
    UpstreamOptions options = never_ejecting();
    Front passes({refusing.endpoint(), good.endpoint()}, options);
    EXPECT_EQ(passes.ask().status, 503);
    options.retry.refusals = true;
    Front retries({refusing.endpoint(), good.endpoint()}, options);
    EXPECT_EQ(retries.ask().status, 200);
}

TEST(UpstreamService, RetriesStayWithinTheirBudgetWhenEverythingFails)
{
    Counted one(503);
    Counted two(503);
    UpstreamOptions options = never_ejecting();
    options.retry.refusals = true;
    Front front({one.endpoint(), two.endpoint()}, options);
    auto began = Clock::now();
    RawSocket client = front.connect();
    constexpr int requests = 400;
    for (int i = 0; i < requests; ++i)
        EXPECT_EQ(client.ask(get).status, 503);
    double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    int asked = one.asked() + two.asked();
    EXPECT_LE(asked, requests * 1.2 + 3 * (seconds + 1) + 1);
    EXPECT_GE(asked, requests * 1.19);
}

TEST(UpstreamService, AnEndpointThatFailsOftenInARowIsLeftOutAndComesBack)
{
    Counted failing(502);
    Counted good;
    UpstreamOptions options;
    options.ejection.failures = 3;
    options.ejection.time = 300ms;
    options.ejection.slow_start = 0ms;
    Front front({failing.endpoint(), good.endpoint()}, options);
    for (int i = 0; i < 20; ++i)
        front.ask();
    EXPECT_EQ(failing.asked(), 3);
    EXPECT_FALSE(front.endpoints().fit(0, coarse_now()));
    failing.set_status(200);
    auto end = Clock::now() + 10s;
    while (failing.asked() < 10 && Clock::now() < end)
        EXPECT_EQ(front.ask().status, 200);
    EXPECT_GE(failing.asked(), 10);
}

TEST(UpstreamService, EveryTryIsCountedByServerMethodAndOutcome)
{
    Breaking breaking;
    Counted good;
    Counted refusing(503);
    Front front({breaking.endpoint(), good.endpoint()}, never_ejecting());
    Front refused({refusing.endpoint()}, never_ejecting());
    Front away({local(1)}, never_ejecting());
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(front.ask().status, 200);
    EXPECT_EQ(refused.ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").status, 503);
    EXPECT_EQ(away.ask().status, 503);

    auto at = [](const WeightedEndpoint& server, std::string_view labels) {
        return fmt::format("server_address=\"127.0.0.1\",server_port=\"{}\",{}", server.endpoint.port, labels);
    };
    std::string count = "http_client_request_duration_seconds_count{";
    EXPECT_THAT(
        front.metrics(),
        HasSubstr(count + at(good.endpoint(), R"(http_request_method="GET",http_response_status_code="200"} 4)")));
    EXPECT_THAT(front.metrics(),
                HasSubstr(count + at(breaking.endpoint(), R"(http_request_method="GET",error_type="closed"} )") +
                          std::to_string(breaking.asked())));
    EXPECT_THAT(refused.metrics(),
                HasSubstr(count + at(refusing.endpoint(), "http_request_method=\"_OTHER\",http_response_status_code="
                                                          "\"503\",error_type=\"503\"} 1")));
    EXPECT_THAT(away.metrics(),
                HasSubstr(count + at(local(1), R"(http_request_method="GET",error_type="connect"} 1)")));
}

TEST(UpstreamService, ConnectionsAreCountedWhileTheyAreUsedAndWhileTheyAreKept)
{
    std::unique_ptr<Gate> gate;
    std::promise<void> reached;
    TestServer slow([&](Request&) -> Task<Response> {
        reached.set_value();
        return [](Gate& passed) -> Task<Response> {
            co_await passed.pass();
            co_return text_response("late");
        }(*gate);
    });
    gate = std::make_unique<Gate>(slow.context().get_executor());
    Front front({local(slow.port())});
    auto connections = [&](std::string_view state) {
        return fmt::format("http_client_open_connections{{server_address=\"127.0.0.1\",server_port=\"{}\","
                           "http_connection_state=\"{}\"}} ",
                           slow.port(), state);
    };
    auto answer = std::async(std::launch::async, [&] { return front.ask(); });
    ASSERT_EQ(reached.get_future().wait_for(20s), std::future_status::ready);
    EXPECT_THAT(front.metrics(), HasSubstr(connections("active") + "1\n"));
    EXPECT_THAT(front.metrics(), HasSubstr(connections("idle") + "0\n"));
    gate->open();
    EXPECT_EQ(answer.get().status, 200);
    EXPECT_THAT(front.metrics(), HasSubstr(connections("active") + "0\n"));
    EXPECT_THAT(front.metrics(), HasSubstr(connections("idle") + "1\n"));
    EXPECT_THAT(front.metrics(),
                HasSubstr(fmt::format("gatehouse_client_waiting_requests{{server_address=\"127.0.0.1\","
                                      "server_port=\"{}\"}} 0\n",
                                      slow.port())));
}

TEST(ClientMetrics, ServersWithoutEndAreCountedTogether)
{
    ClientMetrics metrics(1);
    auto server = [&](std::size_t i) {
        return metrics.server({.scheme = "http", .host = "s" + std::to_string(i), .port = 80});
    };
    for (std::size_t i = 0; i < ClientMetrics::servers_max * 2; ++i)
        EXPECT_EQ(server(i), std::min(i, ClientMetrics::servers_max - 1));
    EXPECT_EQ(server(3), 3U);
    metrics.add_pool({.scheme = "http", .host = "another", .port = 80});
    auto families = metrics.Collect();
    ASSERT_EQ(families[2].metric.size(), 1U);
    EXPECT_EQ(families[2].metric[0].label[0].value, "_OTHER");
}

TEST(UpstreamService, WhatIsTooMuchForItsEndpointsIsRefusedAtOnce)
{
    for (bool by_endpoint : {true, false}) {
        std::unique_ptr<Gate> gate;
        TestServer slow([&](Request&) -> Task<Response> {
            return [](Gate& passed) -> Task<Response> {
                co_await passed.pass();
                co_return text_response("late");
            }(*gate);
        });
        gate = std::make_unique<Gate>(slow.context().get_executor());
        UpstreamOptions options;
        (by_endpoint ? options.connections_max : options.requests_max) = 1;
        Front front({local(slow.port())}, options);
        RawSocket first = front.connect();
        first.send(get);
        gate->wait_until_entered();
        RawResponse second = front.ask();
        EXPECT_EQ(second.status, 503);
        EXPECT_THAT(second.head, HasSubstr("retry-after: "));
        gate->open();
        EXPECT_EQ(first.read_response().status, 200);
        EXPECT_EQ(front.endpoints().in_progress(), 0U);
    }
}

TEST(UpstreamService, AStreamCountsAsInProgressUntilItHasEnded)
{
    ImposterServer events({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        peer.read_to_end();
    }});
    UpstreamOptions options;
    options.connections_max = 1;
    Front front({local(events.port())}, options);
    RawSocket reader = front.connect();
    reader.send(get);
    reader.read_until("one");
    EXPECT_EQ(front.ask().status, 503);
    reader.close();
    auto end = Clock::now() + 5s;
    while (front.endpoints().in_progress() != 0 && Clock::now() < end)
        std::this_thread::sleep_for(10ms);
    EXPECT_EQ(front.endpoints().in_progress(), 0U);
}

TEST(UpstreamService, AnAnswerThatDripsForeverEndsAtTheTotalDeadline)
{
    ImposterServer dripping({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (peer.try_send("1\r\nx\r\n"))
            std::this_thread::sleep_for(50ms);
    }});
    UpstreamOptions options;
    options.limits.total = 500ms;
    Front front({local(dripping.port())}, options);
    RawSocket client = front.connect();
    auto began = Clock::now();
    client.send(get);
    client.read_to_end();
    EXPECT_LT(Clock::now() - began, 3s);
}

TEST(UpstreamService, TheFirstEventArrivesBeforeTheSecondIsSent)
{
    std::latch seen(1);
    ImposterServer events({[&](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "d\r\ndata: one\r\n\r\n\r\n");
        seen.wait();
        peer.send("d\r\ndata: two\r\n\r\n\r\n0\r\n\r\n");
        peer.read_to_end();
    }});
    Front front({local(events.port())});
    RawSocket client = front.connect();
    client.send(get);
    client.read_until("data: one");
    seen.count_down();
    client.read_until("data: two");
}

TEST(UpstreamService, AClientThatGoesAwayEndsTheExchangeThoughTheServiceIsSilent)
{
    for (const char* begin : {"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"}) {
        std::latch asked(1);
        std::promise<void> ended;
        ImposterServer silent({[&](RawSocket& peer) {
            peer.read_until("\r\n\r\n");
            peer.send(begin);
            asked.count_down();
            peer.read_to_end();
            ended.set_value();
        }});
        Front front({local(silent.port())});
        RawSocket client = front.connect();
        client.send(get);
        asked.wait();
        client.close();
        EXPECT_EQ(ended.get_future().wait_for(3s), std::future_status::ready);
        EXPECT_TRUE(front.endpoints().fit(0, coarse_now()));
    }
}

TEST(UpstreamService, ChecksTakeAnUnhealthyEndpointOutBeforeAnybodyIsRefused)
{
    Counted sick(500);
    Counted well;
    UpstreamOptions options;
    options.health = {.path = "/health", .interval = 100ms, .timeout = 100ms};
    options.ejection.slow_start = 0ms;
    Front front({sick.endpoint(), well.endpoint()}, options);
    front.start_checks();
    auto until_fit = [&](bool fit) {
        auto end = Clock::now() + 10s;
        while (front.endpoints().fit(0, coarse_now()) != fit && Clock::now() < end)
            std::this_thread::sleep_for(10ms);
        return front.endpoints().fit(0, coarse_now()) == fit;
    };
    ASSERT_TRUE(until_fit(false));
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(front.ask().status, 200);
    sick.set_status(200);
    ASSERT_TRUE(until_fit(true));
    EXPECT_TRUE(front.endpoints().fit(1, coarse_now()));
}

}  // namespace
}  // namespace gatehouse::http
