// SPDX-License-Identifier: Apache-2.0
// The event queue on a real RabbitMQ.
#include "events/rabbitmq_event_queue.hpp"

#include "events/event_queue_suite.hpp"
#include "support/services.hpp"
#include "support/tcp_forwarder.hpp"

#include <thread>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

using testing::require_environment;
using testing::run_services;

// A virtual host for this program's run.
class VirtualHost final : public ::testing::Environment {
public:
    void SetUp() override { run_services("vhost " + name()); }
    void TearDown() override { run_services("unvhost " + name()); }
    static const std::string& name()
    {
        static const std::string name = "itest-" + make_id();
        return name;
    }
};
[[maybe_unused]] const auto* const environment = ::testing::AddGlobalTestEnvironment(new VirtualHost);

AmqpUrl test_url(const std::string& parameters = "")
{
    return *parse_amqp_url(require_environment("GATEHOUSE_TEST_RABBITMQ") + VirtualHost::name() + parameters);
}

struct RabbitmqHarness {
    std::string prefix = "test-" + make_id();
    AmqpUrl url = test_url();
    Clock clock;
    milliseconds hold_after = 10min;
    Broker* broker = nullptr;

    Retry retry() const { return {.attempts_max = 3, .delay_first = 800ms, .delay_max = 1000ms}; }
    void let_pass(milliseconds time) { std::this_thread::sleep_for(time); }
    void halt() { broker->halt(); }
    std::unique_ptr<EventQueue> open()
    {
        auto made =
            make_rabbitmq_queue({.url = url, .prefix = prefix, .retry = retry(), .hold_after = hold_after}, clock);
        broker = made.broker;
        return std::move(made.queue);
    }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Rabbitmq, EventQueueSuite, RabbitmqHarness);

// By way of a forwarder whose connections can be cut.
struct ForwardedHarness : RabbitmqHarness {
    ForwardedHarness() : forwarder(url.host, url.port) { url.port = forwarder.port(); }
    testing::TcpForwarder forwarder;
};

class RabbitmqEventQueue : public EventQueueSuite<ForwardedHarness> {
protected:
    bool until_ready()
    {
        return until([&] { return queue->ready(); });
    }
};

TEST_F(RabbitmqEventQueue, ConnectionsThatAreCutLoseNothing)
{
    Probe probe;
    consume("worker", 4, probe);
    std::set<std::string> confirmed;
    std::mutex mutex;
    std::atomic<bool> more = true;
    std::jthread publisher([&] {
        while (more) {
            auto event = make_event();
            try {
                publish(event);
            } catch (const Unavailable&) {
                continue;
            }
            std::scoped_lock lock(mutex);
            confirmed.insert(event.id);
        }
    });
    for (int i = 0; i < 10; ++i) {
        until([] { return false; }, 300ms);
        harness.forwarder.cut();
    }
    more = false;
    publisher.join();
    auto all_came = [&] {
        auto ids = probe.ids();
        std::set<std::string> seen(ids.begin(), ids.end());
        return std::ranges::includes(seen, confirmed);
    };
    EXPECT_TRUE(until(all_came, 30s));
    EXPECT_GT(confirmed.size(), 3U);
    until([] { return false; }, 1s);  // what comes again after the last cut is on its way
    EXPECT_TRUE(until([&] { return depth("worker") == 0; }, 30s));
    EXPECT_TRUE(dead().empty());
}

TEST_F(RabbitmqEventQueue, AJobGoesOnWhenTheConnectionIsLostAndIsNotHandledTwiceHere)
{
    Probe probe;
    probe.hold = true;
    publish(make_event());
    consume("worker", 2, probe);
    ASSERT_TRUE(until([&] { return probe.running == 1; }));
    harness.forwarder.cut();
    ASSERT_TRUE(until([&] { return !queue->ready(); }));
    ASSERT_TRUE(until_ready());
    until([] { return false; }, 500ms);  // it comes again
    probe.let_go();
    ASSERT_TRUE(until([&] { return probe.finished == 1 && depth("worker") == 0; }));
    idle();
    EXPECT_EQ(probe.seen.size(), 1U);
}

TEST_F(RabbitmqEventQueue, WithoutABrokerPublishingIsUnavailableAndConsumersWait)
{
    ASSERT_TRUE(until_ready());
    harness.forwarder.close();
    ASSERT_TRUE(until([&] { return !queue->ready(); }));
    auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(publish(make_event()), Unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 9s);
    Probe probe;
    consume("worker", 1, probe);
    idle();
    harness.forwarder.open();
    ASSERT_TRUE(until_ready());
    publish(make_event());
    EXPECT_TRUE(until([&] { return probe.finished == 1; }));
}

class RabbitmqHeartbeats : public ::testing::Test {};

TEST_F(RabbitmqHeartbeats, AreKeptWhileNothingHappens)
{
    RabbitmqHarness harness;
    harness.url = test_url("?heartbeat=1");
    auto queue = harness.open();
    testing::run_task(queue->publish(make_event()));
    auto generation = harness.broker->generation();
    std::this_thread::sleep_for(4s);
    auto begin = std::chrono::steady_clock::now();
    testing::run_task(queue->publish(make_event()));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 500ms);
    EXPECT_EQ(harness.broker->generation(), generation) << "the connection was lost meanwhile";
    EXPECT_EQ(testing::run_task(queue->depth("worker")), 2U);
}

// An event whose handler takes longer than the broker would wait, in small.
struct HoldingHarness : RabbitmqHarness {
    HoldingHarness() { hold_after = 600ms; }
};

class RabbitmqLongJob : public EventQueueSuite<HoldingHarness> {
protected:
    // One that is handled for several renewals.
    void begin(Probe& probe)
    {
        probe.hold = true;
        publish(event);
        consume("worker", 2, probe);
        ASSERT_TRUE(until([&] { return probe.running == 1; }));
        until([] { return false; }, 3s);
        ASSERT_EQ(probe.seen.size(), 1U) << "somebody got it meanwhile";
        EXPECT_EQ(depth("worker"), 0U) << "it is neither waiting nor unacknowledged";
    }
    Event event = make_event();
};

TEST_F(RabbitmqLongJob, IsHeldWhileItRunsAndGoneWhenItEnds)
{
    Probe probe;
    begin(probe);
    probe.let_go();
    ASSERT_TRUE(until([&] { return probe.finished == 1; }));
    until([] { return false; }, 1500ms);
    EXPECT_EQ(probe.seen.size(), 1U);
    EXPECT_EQ(depth("worker"), 0U);
    EXPECT_TRUE(dead().empty());
}

TEST_F(RabbitmqLongJob, ThatFailsIsTriedAgain)
{
    Probe probe;
    probe.fail_with = "no";
    begin(probe);
    probe.let_go();
    ASSERT_TRUE(until([&] { return probe.seen.size() == 2; }));
    EXPECT_EQ(probe.seen.at(1).attempt, 2);
}

TEST_F(RabbitmqLongJob, OfAProcessThatDiesComesToAnother)
{
    Probe probe;
    begin(probe);
    crash();
    Probe second;
    consume("worker", 1, second);
    ASSERT_TRUE(until([&] { return second.finished == 1; }));
    EXPECT_EQ(second.seen.at(0).event, event);
    EXPECT_EQ(second.seen.at(0).attempt, 2);
}

TEST_F(RabbitmqLongJob, ThatIsCancelledGoesBackUncounted)
{
    Probe probe;
    begin(probe);
    cancel_and_wait(0);
    EXPECT_EQ(depth("worker"), 1U);
    Probe second;
    consume("worker", 1, second);
    ASSERT_TRUE(until([&] { return second.finished == 1; }));
    EXPECT_EQ(second.seen.at(0).attempt, 1);
}

// The same by way of a forwarder.
struct ForwardedHoldingHarness : ForwardedHarness {
    ForwardedHoldingHarness() { hold_after = 600ms; }
};
class RabbitmqLongJobOutage : public EventQueueSuite<ForwardedHoldingHarness> {};

TEST_F(RabbitmqLongJobOutage, StoppingWhileTheBrokerIsAskedToHoldItEnds)
{
    Probe probe;
    probe.hold = true;
    publish(make_event());
    auto consumer = consume("worker", 1, probe);
    ASSERT_TRUE(until([&] { return probe.running == 1; }));
    harness.forwarder.close();
    until([] { return false; }, 1s);  // by now it is to be held, and nobody answers
    cancel(consumer);
    EXPECT_TRUE(until([&] { return consumers[consumer]->ended; }, 30s));
    EXPECT_EQ(probe.cancelled, 1U);
}

// The host is what the server's certificate must be for.
AmqpUrl tls_url(const std::string& ca)
{
    AmqpUrl url = *parse_amqp_url(require_environment("GATEHOUSE_TEST_RABBITMQ_TLS") + VirtualHost::name());
    url.ca = ca;
    return url;
}

// Why there is no connection; empty when there is one.
std::string refusal(const AmqpUrl& url)
{
    try {
        AmqpConnection connection(url);
    } catch (const ConnectionLost& error) {
        return error.what();
    }
    return "";
}

TEST(RabbitmqTls, TheServersCertificateMustBeOfTheCaAndForTheHost)
{
    std::string ca = require_environment("GATEHOUSE_TEST_RABBITMQ_CA");
    AmqpUrl good = tls_url(ca);
    EXPECT_NO_THROW(AmqpConnection{good});
    AmqpUrl by_address = good;
    by_address.host = "127.0.0.1";  // is in the certificate, too
    EXPECT_NO_THROW(AmqpConnection{by_address});

    EXPECT_THAT(refusal(tls_url("")), ::testing::HasSubstr("SSL")) << "the system does not know this CA";
    EXPECT_THAT(refusal(tls_url("/nowhere")), ::testing::HasSubstr("CA file"));
    AmqpUrl other_name = good;
    other_name.host = "0.0.0.0";  // leads to the same server
    EXPECT_THAT(refusal(other_name), ::testing::HasSubstr("SSL"));
    AmqpUrl plain = good;
    plain.tls = false;
    EXPECT_NE(refusal(plain), "");
}

TEST(RabbitmqTls, TheQueueWorksOverIt)
{
    RabbitmqHarness harness;
    harness.url = tls_url(require_environment("GATEHOUSE_TEST_RABBITMQ_CA"));
    auto queue = harness.open();
    for (int i = 0; i < 50; ++i) {
        auto event = make_event();
        event.data["text"] = std::string(100'000, 'x');
        testing::run_task(queue->publish(event));
    }
    EXPECT_EQ(testing::run_task(queue->depth("worker")), 50U);
}

class RabbitmqRestart : public EventQueueSuite<RabbitmqHarness> {};

TEST_F(RabbitmqRestart, OfTheBrokerLosesNothing)
{
    std::vector<Event> events;
    for (int i = 0; i < 20; ++i)
        publish(events.emplace_back(make_event()));
    Probe probe;
    probe.hold = true;
    consume("worker", 2, probe);
    ASSERT_TRUE(until([&] { return probe.running == 2; }));
    run_services("kill rabbitmq");
    EXPECT_THROW(publish(make_event()), Unavailable);
    EXPECT_FALSE(queue->ready());
    run_services("start rabbitmq");
    probe.let_go();
    auto all_came = [&] {
        auto ids = probe.ids();
        return std::set<std::string>(ids.begin(), ids.end()).size() == events.size();
    };
    EXPECT_TRUE(until(all_came, 30s));
    EXPECT_TRUE(until([&] { return depth("worker") == 0; }, 30s));
}

TEST_F(RabbitmqRestart, AQueueThatSomebodyDeletesIsDeclaredAgain)
{
    Probe probe;
    consume("worker", 1, probe);
    idle();
    AmqpConnection other(harness.url);
    other.open_channel(1);
    other.delete_queue(1, harness.prefix + ".worker");
    other.delete_queue(1, harness.prefix + ".notifier");
    Event event = make_event("file.processed");  // of a queue that nobody consumes
    bool published = false;
    auto try_to_publish = [&] {
        try {
            if (!published)
                publish(event);
            published = true;
        } catch (const Unavailable&) {
        }
        return published;
    };
    ASSERT_TRUE(until(try_to_publish));
    EXPECT_EQ(depth("notifier"), 1U);
    publish(make_event());
    EXPECT_TRUE(until([&] { return probe.finished == 1; }));
}

TEST_F(RabbitmqRestart, AnybodyMayBindAQueueOfTheirOwn)
{
    publish(make_event());  // the exchange is there
    AmqpConnection other(harness.url);
    other.open_channel(1);
    std::string name = harness.prefix + ".mine";
    other.declare_queue(1, name, {});
    other.bind(1, name, harness.prefix + ".events", "file.*");
    auto event = make_event("file.deleted");
    publish(event);
    auto got = other.get(1, name);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->message.id, event.id);
    EXPECT_EQ(got->message.type, "file.deleted");
    EXPECT_EQ(got->message.content_type, "application/cloudevents+json");
    EXPECT_EQ(parse_event(got->message.body).value(), event);
}

TEST_F(RabbitmqRestart, ARepeatedPublishWhileItIsHandledIsAcknowledgedWithIt)
{
    Probe probe;
    probe.hold = true;
    auto event = make_event();
    publish(event);
    publish(event);
    consume("worker", 2, probe);
    ASSERT_TRUE(until([&] { return probe.running == 1; }));
    idle();
    probe.let_go();
    ASSERT_TRUE(until([&] { return probe.finished == 1 && depth("worker") == 0; }));
    EXPECT_EQ(probe.seen.size(), 1U);
}

TEST_F(RabbitmqRestart, WhatIsNoEventIsSetAside)
{
    Probe probe;
    publish(make_event());
    AmqpConnection other(harness.url);
    other.open_channel(1);
    other.publish(1, "", harness.prefix + ".worker",
                  {.id = "junk", .type = "x", .content_type = "text/plain", .headers = {}, .body = "hello"});
    consume("worker", 1, probe);
    ASSERT_TRUE(until([&] { return probe.finished == 1; }));
    ASSERT_TRUE(until([&] { return dead().size() == 1; }));
    EXPECT_EQ(dead().at(0).id, "worker:junk");
    EXPECT_THAT(dead().at(0).reason, ::testing::HasSubstr("it is no event"));
    EXPECT_TRUE(testing::run_task(queue->drop_dead_letter("worker:junk")));
}

}  // namespace gatehouse::events
