// SPDX-License-Identifier: Apache-2.0
// The events of an embedded queue in RabbitMQ.
#include "events/transfer.hpp"

#include "events/event_queue_suite.hpp"
#include "sql/database.hpp"
#include "sql/examination.hpp"
#include "support/services.hpp"
#include "support/temp_dir.hpp"

#include <map>
#include <numeric>

namespace gatehouse::events {

namespace {

using namespace std::chrono_literals;
using testing::run_task;

class QueueTransferTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() { testing::run_services("vhost " + virtual_host()); }
    static void TearDownTestSuite() { testing::run_services("unvhost " + virtual_host()); }
    static const std::string& virtual_host()
    {
        static const std::string name = "itest-" + make_id();
        return name;
    }
    static std::string url() { return testing::require_environment("GATEHOUSE_TEST_RABBITMQ") + virtual_host(); }

    void run(const std::string& sql, const sql::Params& params = {})
    {
        auto work = [&](sql::Connection& connection) { connection.execute(sql, params); };
        database_->write_blocking(work);
    }
    void close()
    {
        queue_.reset();
        database_->stop();
        database_.reset();
    }
    template <class Work>
    auto transfer(Work work)
    {
        auto connection = sql::open_sqlite_to_look(directory_.path() / "queue.db");
        sql::Transaction transaction(*connection);
        QueueTransfer transfer(*connection, url(), clock_, retry_, prefix_);
        return work(transfer);
    }
    std::uint64_t bring()
    {
        return transfer([&](QueueTransfer& t) {
            std::uint64_t brought = 0;
            run_task(io_, t.bring([&](std::uint64_t done) { brought = done; }), 30s);
            return brought;
        });
    }
    std::vector<QueueComparison> compare()
    {
        return transfer([&](QueueTransfer& t) { return run_task(io_, t.compare(5), 30s); });
    }
    static std::uint64_t different(const std::vector<QueueComparison>& results)
    {
        return std::accumulate(results.begin(), results.end(), std::uint64_t{0},
                               [](std::uint64_t sum, const auto& result) { return sum + result.different; });
    }

    testing::TempDir directory_;
    asio::io_context io_;
    Clock clock_;
    Retry retry_{.attempts_max = 4, .delay_first = 800ms, .delay_max = 1000ms};
    std::string prefix_ = "test-" + make_id();
    std::unique_ptr<sql::Database> database_ = sql::open_sqlite("queue", directory_.path() / "queue.db");
    std::unique_ptr<EventQueue> queue_ = make_sqlite_event_queue(*database_, clock_, retry_);
};

TEST_F(QueueTransferTest, WaitingEventsWaitAndDeadLettersStayDead)
{
    std::vector<Event> events;
    for (int i = 0; i < 250; ++i) {  // more than a batch
        events.push_back(make_event());
        run_task(io_, queue_->publish(events.back()));
    }
    run("UPDATE event_deliveries SET attempts = 2 WHERE event_id = ?", {events[0].id});
    run("UPDATE event_deliveries SET state = 2, attempts = 4, changed_at = 1764000000555, reason = 'It cräshed.' "
        "WHERE event_id = ?",
        {events[1].id});
    run("UPDATE event_deliveries SET state = 3, body = '' WHERE event_id = ?", {events[2].id});
    close();

    auto list = [&](QueueTransfer& t) { return run_task(io_, t.list_target()); };
    EXPECT_EQ(transfer(list), std::vector<std::string>{});
    EXPECT_GT(different(compare()), 0U);
    EXPECT_EQ(bring(), 249U);
    EXPECT_EQ(different(compare()), 0U);
    EXPECT_EQ(transfer(list), std::vector<std::string>{"worker: 248 waiting, 1 dead"});
    EXPECT_EQ(bring(), 249U);  // again: nothing is there twice
    EXPECT_EQ(different(compare()), 0U);

    auto target = make_rabbitmq_event_queue(url(), clock_, retry_, prefix_);
    auto letters = run_task(io_, target->dead_letters(10));
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_EQ(letters[0].id, "worker:" + events[1].id);
    EXPECT_EQ(letters[0].event, events[1]);
    EXPECT_EQ(letters[0].attempts, 4);
    EXPECT_EQ(letters[0].reason, "It cräshed.");
    EXPECT_EQ(letters[0].failed_at, from_unix_ms(1764000000555));
    Probe probe;
    asio::cancellation_signal cancel;
    bool ended = false;
    asio::co_spawn(io_, target->consume("worker", 10, probe.handle()),
                   asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ended = true; }));
    io_.restart();
    for (auto end = std::chrono::steady_clock::now() + 30s;
         probe.finished < 248 && std::chrono::steady_clock::now() < end;)
        io_.run_one_for(5ms);
    cancel.emit(asio::cancellation_type::terminal);
    for (auto end = std::chrono::steady_clock::now() + 10s; !ended && std::chrono::steady_clock::now() < end;)
        io_.run_one_for(5ms);
    EXPECT_TRUE(ended);
    std::map<std::string, int> seen;
    for (const Delivery& delivery : probe.seen)
        seen[delivery.event.id] = delivery.attempt;
    EXPECT_EQ(seen.size(), 248U);
    EXPECT_EQ(seen[events[0].id], 3);
    EXPECT_EQ(seen[events[3].id], 1);
    EXPECT_FALSE(seen.contains(events[1].id));
    EXPECT_FALSE(seen.contains(events[2].id));
}

}  // namespace

}  // namespace gatehouse::events
