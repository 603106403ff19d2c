// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "base/id.hpp"
#include "events/relay.hpp"
#include "sql/database.hpp"
#include "support/run_task.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;
using testing::run_task;

Event uploaded(std::string id = make_id())
{
    Event event;
    event.id = std::move(id);
    event.type = "file.uploaded";
    event.source = "/files";
    event.time = from_unix_ms(1'764'000'000'000);
    return event;
}

// An outbox in memory that can be told to fail.
class MemoryOutbox {
public:
    Outbox outbox()
    {
        return {.name = "test",
                .read = [this](std::size_t limit) { return read(limit); },
                .clear = [this](std::vector<std::string> ids) { return clear(std::move(ids)); }};
    }
    void add(Event event)
    {
        std::scoped_lock lock(mutex_);
        events_.push_back(std::move(event));
    }
    std::size_t size()
    {
        std::scoped_lock lock(mutex_);
        return events_.size();
    }

    std::atomic<int> reads = 0;
    std::atomic<int> clears = 0;
    std::atomic<int> read_failures = 0;  // how many of the next calls fail
    std::atomic<int> clear_failures = 0;
    std::function<void()> before_clear = [] {};

private:
    Task<std::vector<Event>> read(std::size_t limit)
    {
        ++reads;
        if (read_failures > 0 && read_failures-- > 0)
            throw Unavailable("outbox");
        std::scoped_lock lock(mutex_);
        auto count = std::min(limit, events_.size());
        co_return std::vector<Event>(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    Task<void> clear(std::vector<std::string> ids)
    {
        before_clear();
        ++clears;
        if (clear_failures > 0 && clear_failures-- > 0)
            throw Unavailable("outbox");
        std::scoped_lock lock(mutex_);
        std::erase_if(events_, [&](const Event& event) { return std::ranges::find(ids, event.id) != ids.end(); });
        co_return;
    }

    std::mutex mutex_;
    std::vector<Event> events_;
};

class RelayTest : public ::testing::Test {
protected:
    void start()
    {
        auto finish = [this](std::exception_ptr e) {
            ended = true;
            error = e;
        };
        asio::co_spawn(context, relay.run(), asio::bind_cancellation_slot(stop.slot(), finish));
    }
    void TearDown() override
    {
        stop.emit(asio::cancellation_type::terminal);
        EXPECT_TRUE(until([this] { return ended; }));
        EXPECT_FALSE(error);
        database->stop();  // before the context ends
    }
    template <class Condition>
    bool until(Condition done, milliseconds limit = std::chrono::seconds{10})
    {
        auto end = std::chrono::steady_clock::now() + limit;
        context.restart();
        while (!done() && std::chrono::steady_clock::now() < end)
            context.run_one_for(milliseconds{5});
        return done();
    }
    std::size_t depth() { return run_task(queue->depth("worker")); }

    testing::TempDir directory;
    Clock clock;
    std::unique_ptr<sql::Database> database = sql::open_sqlite("queue", directory.path() / "queue.db");
    std::unique_ptr<EventQueue> queue = make_sqlite_event_queue(*database, clock, {});
    MemoryOutbox outbox;
    asio::cancellation_signal stop;
    bool ended = false;
    std::exception_ptr error;
    asio::io_context context;
    Relay relay{outbox.outbox(), *queue};
};

}  // namespace

TEST_F(RelayTest, WhatIsInTheOutboxIsPublishedAndClearedInOrder)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 150; ++i) {  // more than one batch
        ids.push_back(make_id());
        outbox.add(uploaded(ids.back()));
    }
    start();
    ASSERT_TRUE(until([&] { return outbox.size() == 0; }));
    EXPECT_EQ(depth(), 150U);
    auto list = [](sql::Connection& connection) {
        return connection.query("SELECT event_id FROM event_deliveries ORDER BY due_at, seq");
    };
    auto rows = database->read_blocking(list);
    std::vector<std::string> published;
    for (const auto& row : rows)
        published.push_back(row.text(0));
    EXPECT_EQ(published, ids);
}

TEST_F(RelayTest, AnEventIsClearedOnlyAfterTheQueueHasIt)
{
    std::size_t depth_before_clear = 0;
    outbox.before_clear = [&] { depth_before_clear = depth(); };
    outbox.add(uploaded());
    start();
    ASSERT_TRUE(until([&] { return outbox.size() == 0; }));
    EXPECT_EQ(depth_before_clear, 1U);
}

TEST_F(RelayTest, NotifyFromAnyThreadWakesIt)
{
    start();
    ASSERT_TRUE(until([&] { return outbox.reads == 1; }));
    auto begun = std::chrono::steady_clock::now();
    std::jthread other([&] {
        outbox.add(uploaded());
        relay.notify();
    });
    ASSERT_TRUE(until([&] { return depth() == 1; }));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds{900}) << "that was the timer";
}

TEST_F(RelayTest, WithoutNotifyItLooksAfterASecond)
{
    start();
    ASSERT_TRUE(until([&] { return outbox.reads == 1; }));
    outbox.add(uploaded());
    EXPECT_TRUE(until([&] { return outbox.size() == 0; }, std::chrono::seconds{5}));
}

TEST_F(RelayTest, AnOutboxThatCannotBeClearedIsPublishedAgainUnderTheSameId)
{
    outbox.clear_failures = 1;
    outbox.add(uploaded());
    start();
    ASSERT_TRUE(until([&] { return outbox.size() == 0; }));
    EXPECT_EQ(outbox.clears, 2);
    EXPECT_EQ(depth(), 1U);
}

TEST_F(RelayTest, ItBacksOffWhileSomethingIsUnavailable)
{
    outbox.read_failures = 1'000'000;
    outbox.add(uploaded());
    start();
    until([] { return false; }, milliseconds{600});
    EXPECT_GE(outbox.reads, 2);
    EXPECT_LE(outbox.reads, 4);  // after 0, 100, 300, 700 ms
    relay.notify();              // does not shorten it
    int reads = outbox.reads;
    until([] { return false; }, milliseconds{20});
    EXPECT_LE(outbox.reads, reads + 1);
    outbox.read_failures = 0;
    EXPECT_TRUE(until([&] { return outbox.size() == 0; }));
}

TEST_F(RelayTest, WhenTheQueueIsAwayWhatWasPublishedIsClearedAndTheRestStays)
{
    auto break_queue = [](sql::Connection& connection) {
        connection.execute("CREATE TRIGGER away BEFORE INSERT ON event_deliveries WHEN NEW.event_id = 'second' "
                           "BEGIN SELECT RAISE(ABORT, 'away'); END");
    };
    auto repair = [](sql::Connection& connection) { connection.execute("DROP TRIGGER away"); };
    database->write_blocking(break_queue);
    outbox.add(uploaded("first"));
    outbox.add(uploaded("second"));
    start();
    ASSERT_TRUE(until([&] { return outbox.size() == 1; }));
    EXPECT_EQ(depth(), 1U);
    EXPECT_FALSE(ended);
    database->write_blocking(repair);
    ASSERT_TRUE(until([&] { return outbox.size() == 0; }));
    EXPECT_EQ(depth(), 2U);
}

TEST_F(RelayTest, AnEventThatTheQueueRefusesDoesNotHoldUpTheOthers)
{
    auto bad = uploaded();
    bad.source.clear();
    outbox.add(bad);
    outbox.add(uploaded());
    start();
    ASSERT_TRUE(until([&] { return depth() == 1; }));
    EXPECT_TRUE(until([&] { return outbox.size() == 0; })) << "it can never be announced";
}

TEST_F(RelayTest, CancellingEndsItAtOnce)
{
    start();
    ASSERT_TRUE(until([&] { return outbox.reads == 1; }));
    stop.emit(asio::cancellation_type::terminal);
    EXPECT_TRUE(until([&] { return ended; }, milliseconds{500}));
    relay.notify();  // harmless now
}

}  // namespace gatehouse::events
