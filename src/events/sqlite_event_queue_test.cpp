// SPDX-License-Identifier: Apache-2.0
#include "events/event_queue_suite.hpp"
#include "sql/database.hpp"
#include "support/temp_dir.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;
using testing::run_task;

struct SqliteHarness {
    testing::TempDir directory;
    Clock clock;
    std::unique_ptr<sql::Database> database;

    Retry retry() const
    {
        return {.attempts_max = 4, .delay_first = milliseconds{1'000}, .delay_max = milliseconds{3'000}};
    }
    void let_pass(milliseconds time) { clock.advance(time); }
    void halt() { database->stop(); }
    std::unique_ptr<EventQueue> open()
    {
        database.reset();
        database = sql::open_sqlite("queue", directory.path() / "queue.db");
        return make_sqlite_event_queue(*database, clock, retry());
    }

    std::int64_t number(const std::string& sql)
    {
        auto get = [&](sql::Connection& connection) { return connection.query(sql).at(0).integer(0); };
        return database->read_blocking(get);
    }
    void run(const std::string& sql)
    {
        auto work = [&](sql::Connection& connection) { connection.query(sql); };
        database->write_blocking(work);
    }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, EventQueueSuite, SqliteHarness);

class SqliteEventQueue : public EventQueueSuite<SqliteHarness> {
protected:
    // The next write finds the disk full, until make_room().
    void fill_disk()
    {
        auto pages = harness.number("SELECT page_count FROM pragma_page_count");
        harness.run("PRAGMA max_page_count = " + std::to_string(pages));
        auto filler = make_event("file.processed");  // goes to another queue than the tests look at
        filler.data["text"] = std::string(3000, 'x');
        EXPECT_THROW(
            {
                while (true) {
                    filler.id = make_id();
                    publish(filler);
                }
            },
            Unavailable);
    }
    void make_room() { harness.run("PRAGMA max_page_count = 1000000"); }
};

TEST_F(SqliteEventQueue, AnIdThatWasPublishedIsNotAddedAgain)
{
    Probe probe;
    auto event = make_event();
    publish(event);
    publish(event);
    EXPECT_EQ(depth("worker"), 1U);
    consume("worker", 1, probe);
    ASSERT_TRUE(until([&] { return probe.finished == 1 && depth("worker") == 0; }));
    publish(event);
    idle();
    EXPECT_EQ(probe.seen.size(), 1U) << "after it was handled";
}

TEST_F(SqliteEventQueue, AnIdleConsumerDoesNotLookAgainAndAgain)
{
    Probe probe;
    consume("worker", 1, probe);
    idle();
    context->restart();
    EXPECT_EQ(context->run_for(milliseconds{300}), 0U);
}

TEST_F(SqliteEventQueue, WhileSomethingWaitsForItsTimeTheConsumerSleeps)
{
    Probe probe;
    probe.fail_with = "no";
    publish(make_event());
    consume("worker", 1, probe);
    ASSERT_TRUE(until([&] { return probe.seen.size() == 1; }));
    idle();
    context->restart();
    EXPECT_LE(context->run_for(milliseconds{500}), 10U);
}

TEST_F(SqliteEventQueue, AFullDiskIsUnavailableAndLeavesNothingHalfPublished)
{
    EXPECT_TRUE(queue->ready());
    fill_disk();
    auto event = make_event();
    event.data["text"] = std::string(50'000, 'x');
    EXPECT_THROW(publish(event), Unavailable);
    EXPECT_FALSE(queue->ready());
    EXPECT_EQ(depth("worker"), 0U);

    make_room();
    publish(event);
    EXPECT_TRUE(queue->ready());
    EXPECT_EQ(depth("worker"), 1U);
}

TEST_F(SqliteEventQueue, AConsumerOutlivesADatabaseThatIsAway)
{
    Probe probe;
    auto consumer = consume("worker", 1, probe);
    idle();
    harness.run("ALTER TABLE event_deliveries RENAME TO away");
    Probe second;
    auto another = consume("worker", 1, second);
    idle();
    EXPECT_FALSE(consumers[another]->ended);
    EXPECT_FALSE(queue->ready());

    harness.run("ALTER TABLE away RENAME TO event_deliveries");
    publish(make_event());
    EXPECT_TRUE(until([&] { return probe.finished + second.finished == 1; }));
    cancel_and_wait(consumer);
    cancel_and_wait(another);
}

TEST_F(SqliteEventQueue, AnAcknowledgementThatCannotBeWrittenIsTriedAgain)
{
    Probe probe;
    probe.hold = true;
    publish(make_event());
    consume("worker", 1, probe);
    ASSERT_TRUE(until([&] { return probe.running == 1; }));
    harness.run("ALTER TABLE event_deliveries RENAME TO away");
    probe.let_go();
    ASSERT_TRUE(until([&] { return probe.finished == 1; }));
    idle();
    harness.run("ALTER TABLE away RENAME TO event_deliveries");
    EXPECT_TRUE(until([&] { return depth("worker") == 0; }));
    EXPECT_EQ(probe.seen.size(), 1U);
}

TEST_F(SqliteEventQueue, AClockThatIsSetBackStopsNothing)
{
    publish(make_event());
    harness.let_pass(-std::chrono::hours{24});
    publish(make_event());
    Probe probe;
    consume("worker", 1, probe);
    EXPECT_TRUE(until([&] { return probe.finished == 2; }));
}

TEST_F(SqliteEventQueue, WhatWasHandledIsRememberedForAWeekAndThenForgotten)
{
    Probe probe;
    consume("worker", 4, probe);
    for (int i = 0; i < 5; ++i)
        publish(make_event());
    ASSERT_TRUE(until([&] { return depth("worker") == 0; }));
    EXPECT_EQ(harness.number("SELECT COUNT(*) FROM event_deliveries WHERE state = 3 AND body = ''"), 5);

    harness.let_pass(std::chrono::hours{24 * 6});
    publish(make_event());
    ASSERT_TRUE(until([&] { return depth("worker") == 0; }));
    EXPECT_EQ(harness.number("SELECT COUNT(*) FROM event_deliveries"), 6);

    harness.let_pass(std::chrono::hours{25});
    publish(make_event());
    EXPECT_EQ(harness.number("SELECT COUNT(*) FROM event_deliveries"), 2);
}

TEST_F(SqliteEventQueue, ABodyThatCannotBeReadBecomesADeadLetter)
{
    auto event = make_event();
    publish(event);
    harness.run("UPDATE event_deliveries SET body = '{\"specver'");
    Probe probe;
    consume("worker", 1, probe);
    ASSERT_TRUE(until([&] { return dead().size() == 1; }));
    EXPECT_TRUE(probe.seen.empty());
    EXPECT_EQ(dead()[0].event.id, event.id);
    EXPECT_THAT(dead()[0].reason, ::testing::StartsWith("unreadable: "));
}

TEST_F(SqliteEventQueue, AReasonIsCutBetweenCharacters)
{
    std::string reason;
    for (int i = 0; i < 1000; ++i)
        reason += "\xc3\xa9x";  // three bytes each
    kill(make_event(), reason);
    auto letters = dead();
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_EQ(letters[0].reason, reason.substr(0, 999) + (reason.substr(999, 1) == "x" ? "x" : ""));
}

TEST_F(SqliteEventQueue, ManyPublishersAndAConsumerAgree)
{
    Probe probe;
    consume("worker", 8, probe);
    auto publish_some = [&] {
        for (int i = 0; i < 25; ++i)
            publish(make_event());
    };
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back(publish_some);
    EXPECT_TRUE(until([&] { return probe.finished == 100; }, std::chrono::seconds{30}));
    EXPECT_EQ(probe.seen.size(), 100U);
}

namespace {

// Announces by one byte that the handler has the event, and then never returns.
Task<void> hang(int announce)
{
    [[maybe_unused]] auto written = ::write(announce, "x", 1);
    while (true)
        ::pause();
    co_return;
}

Task<void> run_nothing() { co_return; }

[[noreturn]] void consume_and_hang(const std::filesystem::path& path, int announce)
{
    Clock clock;
    auto database = sql::open_sqlite("queue", path);
    auto queue = make_sqlite_event_queue(*database, clock, {});
    run_task(queue->consume("worker", 1, [announce](Delivery) { return hang(announce); }), std::chrono::seconds{60});
    ::_exit(1);
}

}  // namespace

TEST(SqliteEventQueueProcess, AKilledProcessLosesNothing)
{
    testing::TempDir directory;
    auto path = directory.path() / "queue.db";
    Clock clock;
    auto event = make_event();
    {
        auto database = sql::open_sqlite("queue", path);
        run_task(make_sqlite_event_queue(*database, clock, {})->publish(event));
    }

    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    pid_t child = ::fork();  // no other thread runs here
    ASSERT_GE(child, 0);
    if (child == 0)
        consume_and_hang(path, pipe_ends[1]);
    ::close(pipe_ends[1]);
    char byte = 0;
    EXPECT_EQ(::read(pipe_ends[0], &byte, 1), 1);
    ::close(pipe_ends[0]);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    auto database = sql::open_sqlite("queue", path);
    auto queue = make_sqlite_event_queue(*database, clock, {});
    EXPECT_EQ(run_task(queue->depth("worker")), 1U);
    asio::io_context context;
    asio::cancellation_signal stop;
    std::vector<Delivery> seen;
    auto take = [&](Delivery delivery) -> Task<void> {
        seen.push_back(std::move(delivery));
        stop.emit(asio::cancellation_type::terminal);
        return run_nothing();
    };
    asio::co_spawn(context, queue->consume("worker", 1, take),
                   asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    context.run_for(std::chrono::seconds{10});
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].event, event);
    EXPECT_EQ(seen[0].attempt, 2);
    EXPECT_EQ(run_task(queue->depth("worker")), 0U);
    database->stop();  // before the context ends
}

}  // namespace gatehouse::events
