// SPDX-License-Identifier: Apache-2.0
// What every EventQueue must do.
//
// A test program instantiates it with a Harness: default-constructible, owns empty queues for its lifetime, and
//   std::unique_ptr<EventQueue> open();            // the queues, with retry(); after the last one is gone, again
//   Retry retry() const;                           // three attempts at least
//   void let_pass(std::chrono::milliseconds time)  // moves the clock that the queue goes by
//   void halt();                                   // ends the threads that work for the queue; open() comes next
// Destroying a halted queue while its consumers wait is how the suite lets a process die: nothing that they still
// handled was acknowledged.
#pragma once

#include "base/id.hpp"
#include "events/event_queue.hpp"
#include "support/run_task.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::events {

inline Event make_event(std::string type = "file.uploaded")
{
    Event event;
    event.id = make_id();
    event.type = std::move(type);
    event.source = "/files";
    event.subject = make_id();
    event.time = from_unix_ms(1'764'000'000'123);
    event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    event.data = {{"name", "gr\xc3\xbc\xc3\x9f \"e\" \xf0\x9f\x98\x80\n.mp4"}, {"size", 12}};
    return event;
}

// A handler that remembers what it got and does as it is told.
class Probe {
public:
    EventQueue::Handle handle()
    {
        return [this](Delivery delivery) { return run(std::move(delivery)); };
    }

    std::vector<std::string> ids() const
    {
        std::vector<std::string> ids;
        for (const Delivery& delivery : seen)
            ids.push_back(delivery.event.id);
        return ids;
    }

    std::vector<Delivery> seen;
    std::size_t finished = 0;
    std::size_t running = 0;
    std::size_t running_max = 0;
    std::size_t cancelled = 0;

    std::string fail_with;  // not empty: throws this
    std::string fail_only;  // only for the event with this id
    bool hold = false;      // keeps what comes until it is cancelled or let_go() is called

    void let_go()
    {
        hold = false;
        for (auto* timer : held_)
            timer->cancel();
    }

private:
    Task<void> run(Delivery delivery)
    {
        seen.push_back(delivery);
        Running counted(*this);
        if (hold)
            co_await wait();
        if (!fail_with.empty() && (fail_only.empty() || fail_only == delivery.event.id))
            throw std::runtime_error(fail_with);
        ++finished;
    }

    Task<void> wait()
    {
        asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        held_.push_back(&timer);
        bool by_cancellation = false;
        try {
            co_await timer.async_wait(asio::use_awaitable);
        } catch (const boost::system::system_error&) {
            by_cancellation = hold;
        }
        held_.remove(&timer);
        if (by_cancellation) {
            ++cancelled;
            throw std::runtime_error("interrupted");
        }
    }

    struct Running {
        explicit Running(Probe& p) : probe(p) { probe.running_max = std::max(probe.running_max, ++probe.running); }
        ~Running() { --probe.running; }
        Probe& probe;
    };

    std::list<asio::steady_timer*> held_;
};

template <class Harness>
class EventQueueSuite : public ::testing::Test {
protected:
    using milliseconds = std::chrono::milliseconds;

    void publish(const Event& event) { testing::run_task(queue->publish(event)); }
    std::size_t depth(const std::string& name) { return testing::run_task(queue->depth(name)); }
    std::vector<DeadLetter> dead(std::size_t limit = 100) { return testing::run_task(queue->dead_letters(limit)); }

    // Starts a consumer on the test's own context; the number tells it apart for cancel().
    std::size_t consume(const std::string& name, std::size_t prefetch, Probe& probe)
    {
        auto& entry = consumers.emplace_back(std::make_unique<Consuming>());
        auto ended = [consuming = entry.get()](std::exception_ptr error) {
            consuming->ended = true;
            consuming->error = error;
        };
        asio::co_spawn(*context, queue->consume(name, prefetch, probe.handle()),
                       asio::bind_cancellation_slot(entry->signal.slot(), ended));
        return consumers.size() - 1;
    }
    void cancel(std::size_t consumer) { consumers[consumer]->signal.emit(asio::cancellation_type::terminal); }
    void cancel_and_wait(std::size_t consumer)
    {
        cancel(consumer);
        ASSERT_TRUE(until([&] { return consumers[consumer]->ended; }));
        EXPECT_FALSE(consumers[consumer]->error);
    }

    // Runs the consumers until `done`; false when that takes too long.
    template <class Condition>
    bool until(Condition done, milliseconds limit = std::chrono::seconds{10})
    {
        auto end = std::chrono::steady_clock::now() + limit;
        context->restart();
        while (!done() && std::chrono::steady_clock::now() < end)
            context->run_one_for(milliseconds{5});
        return done();
    }

    // Time for what must not happen.
    void idle()
    {
        until([] { return false; }, milliseconds{150});
    }

    // The process dies in the middle of everything, and a new one starts.
    void crash()
    {
        TearDown();
        context = std::make_unique<asio::io_context>();
        queue = harness.open();
    }
    void TearDown() override
    {
        harness.halt();
        context.reset();
        consumers.clear();
        queue.reset();
    }

    // Lets the probe fail with each attempt until the event is dead.
    void kill(const Event& event, const std::string& reason)
    {
        Probe probe;
        probe.fail_with = reason;
        publish(event);
        auto consumer = consume("worker", 1, probe);
        for (int attempt = 1; attempt <= harness.retry().attempts_max; ++attempt) {
            ASSERT_TRUE(until([&] { return probe.seen.size() == static_cast<std::size_t>(attempt); }));
            idle();  // the failure is written down
            harness.let_pass(harness.retry().delay_max);
        }
        ASSERT_TRUE(until([&] { return testing::run_task(queue->depth("worker")) == 0; }));
        cancel_and_wait(consumer);
    }

    struct Consuming {
        asio::cancellation_signal signal;
        bool ended = false;
        std::exception_ptr error;
    };

    Harness harness;
    std::unique_ptr<EventQueue> queue = harness.open();
    std::vector<std::unique_ptr<Consuming>> consumers;
    std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
};

TYPED_TEST_SUITE_P(EventQueueSuite);

TYPED_TEST_P(EventQueueSuite, AnEventComesAsItWasPublished)
{
    Probe probe;
    auto event = make_event();
    this->publish(event);
    this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return probe.finished == 1; }));
    EXPECT_EQ(probe.seen.at(0).event, event);
    EXPECT_EQ(probe.seen.at(0).attempt, 1);
}

TYPED_TEST_P(EventQueueSuite, AnEventGoesToTheQueuesBoundToItsTypeAlone)
{
    this->publish(make_event("file.uploaded"));
    EXPECT_EQ(this->depth("worker"), 1U);
    EXPECT_EQ(this->depth("notifier"), 0U);
    this->publish(make_event("file.processed"));
    this->publish(make_event("user.password_reset_requested"));
    this->publish(make_event("nobody.cares"));
    EXPECT_EQ(this->depth("worker"), 1U);
    EXPECT_EQ(this->depth("notifier"), 2U);
}

TYPED_TEST_P(EventQueueSuite, EventsOfOneQueueComeInOrder)
{
    Probe probe;
    std::vector<std::string> ids;
    for (int i = 0; i < 30; ++i) {
        auto event = make_event();
        ids.push_back(event.id);
        this->publish(event);
    }
    this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return probe.finished == ids.size(); }));
    EXPECT_EQ(probe.ids(), ids);
}

TYPED_TEST_P(EventQueueSuite, AWaitingConsumerIsWokenByAnEvent)
{
    Probe probe;
    this->consume("worker", 1, probe);
    this->idle();
    std::jthread publisher([&] { this->publish(make_event()); });  // another thread
    EXPECT_TRUE(this->until([&] { return probe.finished == 1; }));
}

TYPED_TEST_P(EventQueueSuite, ReturningAcknowledges)
{
    Probe probe;
    this->publish(make_event());
    this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return probe.finished == 1 && this->depth("worker") == 0; }));
    this->crash();
    this->consume("worker", 1, probe);
    this->harness.let_pass(this->harness.retry().delay_max);
    this->idle();
    EXPECT_EQ(probe.seen.size(), 1U);
}

TYPED_TEST_P(EventQueueSuite, ThrowingDeliversAgainAfterAGrowingDelay)
{
    auto retry = this->harness.retry();
    Probe probe;
    probe.fail_with = "no";
    this->publish(make_event());
    this->consume("worker", 1, probe);
    auto delay = retry.delay_first;
    for (int attempt = 1; attempt < retry.attempts_max; ++attempt) {
        auto count = static_cast<std::size_t>(attempt);
        ASSERT_TRUE(this->until([&] { return probe.seen.size() == count; }));
        this->idle();
        EXPECT_EQ(probe.seen.size(), count) << "no delay at all";
        this->harness.let_pass(delay / 2);
        this->idle();
        EXPECT_EQ(probe.seen.size(), count) << "delivered before its time";
        this->harness.let_pass(delay);
        delay = std::min(delay * 2, retry.delay_max);
    }
    auto all = static_cast<std::size_t>(retry.attempts_max);
    ASSERT_TRUE(this->until([&] { return probe.seen.size() == all; }));
    for (std::size_t i = 0; i < all; ++i)
        EXPECT_EQ(probe.seen[i].attempt, static_cast<int>(i + 1));
}

TYPED_TEST_P(EventQueueSuite, AnEventThatKeepsFailingBecomesADeadLetterWithItsReasonAndBody)
{
    auto event = make_event();
    this->kill(event, "the disk said \"no\"");
    auto letters = this->dead();
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_EQ(letters[0].id, "worker:" + event.id);
    EXPECT_EQ(letters[0].queue, "worker");
    EXPECT_EQ(letters[0].event, event);
    EXPECT_EQ(letters[0].attempts, this->harness.retry().attempts_max);
    EXPECT_EQ(letters[0].reason, "the disk said \"no\"");

    this->crash();
    auto found = testing::run_task(this->queue->find_dead_letter(letters[0].id));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->event, event);
}

TYPED_TEST_P(EventQueueSuite, AFailingEventDoesNotHoldUpTheOthers)
{
    Probe probe;
    auto bad = make_event();
    probe.fail_with = "no";
    probe.fail_only = bad.id;
    this->publish(bad);
    for (int i = 0; i < 5; ++i)
        this->publish(make_event());
    this->consume("worker", 1, probe);
    EXPECT_TRUE(this->until([&] { return probe.finished == 5; }));
}

TYPED_TEST_P(EventQueueSuite, AtMostPrefetchAreHandledAtOnce)
{
    Probe probe;
    probe.hold = true;
    for (int i = 0; i < 7; ++i)
        this->publish(make_event());
    this->consume("worker", 3, probe);
    ASSERT_TRUE(this->until([&] { return probe.running == 3; }));
    this->publish(make_event());
    this->idle();
    EXPECT_EQ(probe.seen.size(), 3U);
    probe.let_go();
    ASSERT_TRUE(this->until([&] { return probe.finished == 8; }));
    EXPECT_EQ(probe.running_max, 3U);
}

TYPED_TEST_P(EventQueueSuite, TwoConsumersShareAQueue)
{
    Probe first;
    Probe second;
    first.hold = true;
    this->consume("worker", 2, first);
    this->consume("worker", 2, second);
    for (int i = 0; i < 20; ++i)
        this->publish(make_event());
    ASSERT_TRUE(this->until([&] { return first.running + second.finished == 20; }));
    first.let_go();
    ASSERT_TRUE(this->until([&] { return first.finished + second.finished == 20; }));
    auto all = first.ids();
    auto others = second.ids();
    all.insert(all.end(), others.begin(), others.end());
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 20U) << "an event was handled twice";
}

TYPED_TEST_P(EventQueueSuite, WhatWasPublishedSurvivesACrash)
{
    auto event = make_event();
    this->publish(event);
    this->crash();
    EXPECT_EQ(this->depth("worker"), 1U);
    Probe probe;
    this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return probe.finished == 1; }));
    EXPECT_EQ(probe.seen.at(0).event, event);
}

TYPED_TEST_P(EventQueueSuite, AnEventThatNobodyCouldReadIsRefused)
{
    auto nameless = make_event();
    nameless.id.clear();
    EXPECT_THROW(this->publish(nameless), std::invalid_argument);
    auto huge = make_event();
    huge.data["text"] = std::string(event_bytes_max, 'x');
    EXPECT_THROW(this->publish(huge), std::invalid_argument);
    auto garbled = make_event();
    garbled.data["text"] = "\xff\xfe";
    EXPECT_THROW(this->publish(garbled), std::invalid_argument);
    EXPECT_EQ(this->depth("worker"), 0U);
}

TYPED_TEST_P(EventQueueSuite, CancellingAWaitingConsumerEndsIt)
{
    Probe probe;
    auto consumer = this->consume("worker", 1, probe);
    this->idle();
    this->cancel_and_wait(consumer);
    this->publish(make_event());
    this->idle();
    EXPECT_TRUE(probe.seen.empty());
    EXPECT_EQ(this->depth("worker"), 1U);
}

TYPED_TEST_P(EventQueueSuite, CancellingAtAnyMomentLosesNothing)
{
    // The signal meets the consumer while it claims, starts a handler, acknowledges or waits.
    std::set<std::string> finished;
    for (std::size_t steps = 0; steps < 25; ++steps) {
        Probe probe;
        this->publish(make_event());
        auto consumer = this->consume("worker", 1, probe);
        std::size_t taken = 0;
        this->until([&] { return taken++ == steps; });
        this->cancel_and_wait(consumer);
        EXPECT_EQ(probe.finished, probe.seen.size());
        for (const auto& id : probe.ids())
            finished.insert(id);
    }
    Probe probe;
    this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return this->depth("worker") == 0; }));
    for (const auto& id : probe.ids())
        finished.insert(id);
    EXPECT_EQ(finished.size(), 25U);
    for (const Delivery& delivery : probe.seen)
        EXPECT_EQ(delivery.attempt, 1);
}

TYPED_TEST_P(EventQueueSuite, CancellingWhileHandlingGivesTheEventBackUncounted)
{
    Probe probe;
    probe.hold = true;
    auto event = make_event();
    this->publish(event);
    auto consumer = this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return probe.running == 1; }));
    this->cancel_and_wait(consumer);
    EXPECT_EQ(probe.cancelled, 1U);
    EXPECT_EQ(this->depth("worker"), 1U);

    Probe second;
    this->consume("worker", 1, second);
    ASSERT_TRUE(this->until([&] { return second.finished == 1; })) << "at once, without a delay";
    EXPECT_EQ(second.seen.at(0).attempt, 1);
    EXPECT_EQ(second.seen.at(0).event, event);
}

TYPED_TEST_P(EventQueueSuite, AnEventThatWasBeingHandledInACrashComesAgain)
{
    Probe probe;
    probe.hold = true;
    auto event = make_event();
    this->publish(event);
    this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return probe.running == 1; }));
    this->crash();

    Probe second;
    this->consume("worker", 1, second);
    ASSERT_TRUE(this->until([&] { return second.finished == 1; }));
    EXPECT_EQ(second.seen.at(0).event, event);
    EXPECT_EQ(second.seen.at(0).attempt, 2) << "the crash was the first attempt";
}

TYPED_TEST_P(EventQueueSuite, AnEventThatCrashesTheProcessEachTimeBecomesADeadLetter)
{
    auto event = make_event();
    this->publish(event);
    for (int attempt = 1; attempt <= this->harness.retry().attempts_max + 1; ++attempt) {
        Probe probe;
        probe.hold = true;
        this->consume("worker", 1, probe);
        ASSERT_TRUE(this->until([&] { return probe.running == 1; })) << "attempt " << attempt;
        EXPECT_EQ(probe.seen.at(0).attempt, attempt);
        this->crash();
    }
    Probe probe;
    this->consume("worker", 1, probe);
    ASSERT_TRUE(this->until([&] { return this->dead().size() == 1; }));
    EXPECT_TRUE(probe.seen.empty());
    auto letter = this->dead().at(0);
    EXPECT_EQ(letter.event, event);
    EXPECT_FALSE(letter.reason.empty());
}

TYPED_TEST_P(EventQueueSuite, ARetriedDeadLetterIsDeliveredFromItsFirstAttempt)
{
    auto event = make_event();
    this->kill(event, "no");
    Probe probe;
    this->consume("worker", 1, probe);
    this->idle();
    EXPECT_TRUE(testing::run_task(this->queue->retry_dead_letter("worker:" + event.id)));
    ASSERT_TRUE(this->until([&] { return probe.finished == 1; }));
    EXPECT_EQ(probe.seen.at(0).attempt, 1);
    EXPECT_EQ(probe.seen.at(0).event, event);
    EXPECT_TRUE(this->dead().empty());
    EXPECT_FALSE(testing::run_task(this->queue->retry_dead_letter("worker:" + event.id)));
}

TYPED_TEST_P(EventQueueSuite, ADroppedDeadLetterIsGone)
{
    auto event = make_event();
    this->kill(event, "no");
    EXPECT_TRUE(testing::run_task(this->queue->drop_dead_letter("worker:" + event.id)));
    EXPECT_TRUE(this->dead().empty());
    EXPECT_EQ(this->depth("worker"), 0U);
    EXPECT_FALSE(testing::run_task(this->queue->drop_dead_letter("worker:" + event.id)));
    EXPECT_FALSE(testing::run_task(this->queue->find_dead_letter("worker:" + event.id)));
}

TYPED_TEST_P(EventQueueSuite, AnUnknownDeadLetterIsSaidToBeSo)
{
    this->publish(make_event());
    for (std::string id : {"", ":", "worker", "worker:", "worker:unknown", "nothing:x", "worker:' OR 1=1"}) {
        EXPECT_FALSE(testing::run_task(this->queue->find_dead_letter(id))) << id;
        EXPECT_FALSE(testing::run_task(this->queue->retry_dead_letter(id))) << id;
        EXPECT_FALSE(testing::run_task(this->queue->drop_dead_letter(id))) << id;
    }
    EXPECT_EQ(this->depth("worker"), 1U);
}

TYPED_TEST_P(EventQueueSuite, DeadLettersComeNewestFirstAndLimited)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        auto event = make_event();
        ids.push_back("worker:" + event.id);
        this->kill(event, "no");
    }
    std::vector<std::string> listed;
    for (const DeadLetter& letter : this->dead())
        listed.push_back(letter.id);
    EXPECT_THAT(listed, ::testing::ElementsAre(ids[2], ids[1], ids[0]));
    auto newest = this->dead(1);
    ASSERT_EQ(newest.size(), 1U);
    EXPECT_EQ(newest[0].id, ids[2]);
}

REGISTER_TYPED_TEST_SUITE_P(EventQueueSuite, AnEventComesAsItWasPublished, AnEventGoesToTheQueuesBoundToItsTypeAlone,
                            EventsOfOneQueueComeInOrder, AWaitingConsumerIsWokenByAnEvent, ReturningAcknowledges,
                            ThrowingDeliversAgainAfterAGrowingDelay,
                            AnEventThatKeepsFailingBecomesADeadLetterWithItsReasonAndBody,
                            AFailingEventDoesNotHoldUpTheOthers, AtMostPrefetchAreHandledAtOnce,
                            TwoConsumersShareAQueue, WhatWasPublishedSurvivesACrash,
                            AnEventThatNobodyCouldReadIsRefused, CancellingAWaitingConsumerEndsIt,
                            CancellingAtAnyMomentLosesNothing, CancellingWhileHandlingGivesTheEventBackUncounted,
                            AnEventThatWasBeingHandledInACrashComesAgain,
                            AnEventThatCrashesTheProcessEachTimeBecomesADeadLetter,
                            ARetriedDeadLetterIsDeliveredFromItsFirstAttempt, ADroppedDeadLetterIsGone,
                            AnUnknownDeadLetterIsSaidToBeSo, DeadLettersComeNewestFirstAndLimited);

}  // namespace gatehouse::events
