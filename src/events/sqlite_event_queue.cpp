// SPDX-License-Identifier: Apache-2.0
// EventQueue on SQLite. One row for each queue that an event goes to:
//
//   waiting --claim--> claimed --return--> done
//      ^                  |
//      +---- throws ------+---- attempts_max reached ----> dead --retry--> waiting, --drop--> done
//
// Attempts are counted when a row is claimed, so an event that kills the process is counted, too. `due_at` is both when
// a waiting row may be claimed and its place in the order. A done row has lost its body and stays for `remember` so
// that a repeated publish is recognised; each publish removes a few that are older.
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "base/waker.hpp"
#include "events/event_queue.hpp"
#include "events/examination.hpp"
#include "sql/database.hpp"

#include <boost/asio/this_coro.hpp>

#include <mutex>
#include <set>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::hours remember{24 * 7};
constexpr std::size_t forget_at_once_max = 16;
constexpr milliseconds look_again{250};  // while something waits for its time: the wall clock may be set
constexpr milliseconds backoff_max{5'000};

// Values of the column `state`; the statements below spell them out.
// 0 waiting, 1 claimed, 2 dead, 3 done
const std::vector<sql::Migration>& migrations()
{
    static const std::vector<sql::Migration> steps{
        {1,
         "deliveries",
         {
             "CREATE TABLE event_deliveries ("
             "  seq INTEGER PRIMARY KEY,"
             "  queue TEXT NOT NULL,"
             "  event_id TEXT NOT NULL,"
             "  state INTEGER NOT NULL,"
             "  attempts INTEGER NOT NULL,"
             "  due_at INTEGER NOT NULL,"
             "  changed_at INTEGER NOT NULL,"
             "  body TEXT NOT NULL,"
             "  reason TEXT NOT NULL,"
             "  UNIQUE (queue, event_id)"
             ") STRICT",
             "CREATE INDEX event_deliveries_waiting ON event_deliveries (queue, due_at, seq) WHERE state = 0",
             "CREATE INDEX event_deliveries_claimed ON event_deliveries (queue) WHERE state = 1",
             "CREATE INDEX event_deliveries_dead ON event_deliveries (changed_at, seq) WHERE state = 2",
             "CREATE INDEX event_deliveries_done ON event_deliveries (changed_at) WHERE state = 3",
         }},
    };
    return steps;
}

struct Claimed {
    std::int64_t seq = 0;
    Delivery delivery;
};

struct Claim {
    std::vector<Claimed> taken;
    std::optional<std::int64_t> next_due;  // unix ms of the first row that must wait, when fewer were taken than wanted
};

enum class Ending {
    acknowledged,
    failed,
    given_back,  // the handler was cancelled: as if it had never been claimed
};

void bury(sql::Connection& connection, std::int64_t seq, const std::string& reason, std::int64_t now)
{
    connection.execute("UPDATE event_deliveries SET state = 2, reason = ?, changed_at = ? WHERE seq = ? AND state = 1",
                       {shorten_reason(reason), now, seq});
}

void forget_old(sql::Connection& connection, std::int64_t now)
{
    connection.execute(
        "DELETE FROM event_deliveries WHERE seq IN "
        "(SELECT seq FROM event_deliveries WHERE state = 3 AND changed_at < ? ORDER BY changed_at LIMIT ?)",
        {now - milliseconds(remember).count(), static_cast<std::int64_t>(forget_at_once_max)});
}

// Events that a process which is gone had claimed: its death was their failed attempt. One that was lost at its last
// attempt comes once more, so that its handler can write down that it gives up.
void recover(sql::Connection& connection, int attempts_max, std::int64_t now)
{
    connection.execute("UPDATE event_deliveries SET state = 2, changed_at = ?, "
                       "reason = 'the program ended while it handled this event' WHERE state = 1 AND attempts > ?",
                       {now, std::int64_t{attempts_max}});
    connection.execute("UPDATE event_deliveries SET state = 0, due_at = MIN(due_at, ?) WHERE state = 1", {now});
}

Claim claim(sql::Connection& connection, const std::string& queue, std::size_t count, std::int64_t now)
{
    Claim result;
    auto rows = connection.query("SELECT seq, attempts, body FROM event_deliveries "
                                 "WHERE queue = ? AND state = 0 AND due_at <= ? ORDER BY due_at, seq LIMIT ?",
                                 {queue, now, static_cast<std::int64_t>(count)});
    for (const sql::Row& row : rows) {
        auto seq = row.integer(0);
        auto attempt = row.integer(1) + 1;
        connection.execute("UPDATE event_deliveries SET state = 1, attempts = ? WHERE seq = ?", {attempt, seq});
        auto event = parse_event(row.text(2));
        if (event)
            result.taken.push_back({seq, Delivery{std::move(*event), static_cast<int>(attempt)}});
        else
            bury(connection, seq, "unreadable: " + event.error(), now);
    }
    if (rows.size() < count) {
        auto next = connection.query("SELECT MIN(due_at) FROM event_deliveries WHERE queue = ? AND state = 0", {queue});
        result.next_due = next.at(0).find_integer(0);
    }
    return result;
}

DeadLetter to_dead_letter(const sql::Row& row)
{
    DeadLetter letter;
    letter.queue = row.text(0);
    letter.id = letter.queue + ":" + row.text(1);
    letter.attempts = static_cast<int>(row.integer(2));
    letter.failed_at = from_unix_ms(row.integer(3));
    letter.reason = row.text(5);
    if (auto event = parse_event(row.text(4)))
        letter.event = std::move(*event);
    else
        letter.event.id = row.text(1);
    return letter;
}

// One call of consume(). Lives in its coroutine's frame; used on its thread only.
struct Consumer {
    Consumer(const asio::any_io_executor& executor, std::string from, std::size_t at_once, EventQueue::Handle with)
        : queue(std::move(from)), prefetch(at_once), handle(std::move(with)), waker(std::make_shared<Waker>(executor)),
          handlers(executor, "events", 2 * at_once)  // twice: one that has just ended may still be counted
    {
    }

    std::string queue;
    std::size_t prefetch;
    EventQueue::Handle handle;
    std::shared_ptr<Waker> waker;
    std::set<std::int64_t> claimed;  // rows that have not come to an ending
    TaskGroup handlers;
};

class SqliteEventQueue final : public EventQueue {
public:
    SqliteEventQueue(sql::Database& database, const Clock& clock, Retry retry)
        : database_(database), clock_(clock), retry_(retry)
    {
        GH_ASSERT(retry_.attempts_max > 0);
        database_.migrate(schema_component, migrations());
        auto work = [this](sql::Connection& connection) { recover(connection, retry_.attempts_max, now()); };
        database_.write_blocking(work);
    }

    Task<void> publish(Event event) override;
    Task<void> consume(std::string queue, std::size_t prefetch, Handle handle) override;
    Task<std::vector<DeadLetter>> dead_letters(std::size_t limit) override;
    Task<std::optional<DeadLetter>> find_dead_letter(std::string id) override;
    Task<bool> retry_dead_letter(std::string id) override;
    Task<bool> drop_dead_letter(std::string id) override;
    Task<std::size_t> depth(std::string queue) override;
    Task<std::size_t> dead_count(std::string queue) override;
    bool ready() const override { return ready_; }

private:
    // Makes a consumer known to wake_consumers() as long as its coroutine's frame, and so its context, lives.
    class Listening {
    public:
        Listening(SqliteEventQueue& queue, const Consumer& consumer) : queue_(queue), waker_(consumer.waker)
        {
            std::scoped_lock lock(queue_.mutex_);
            queue_.listeners_.emplace(consumer.queue, waker_);
        }
        ~Listening()
        {
            std::scoped_lock lock(queue_.mutex_);
            std::erase_if(queue_.listeners_, [this](const auto& entry) { return entry.second == waker_; });
        }
        Listening(const Listening&) = delete;
        Listening& operator=(const Listening&) = delete;

    private:
        SqliteEventQueue& queue_;
        std::shared_ptr<Waker> waker_;
    };

    std::int64_t now() const { return to_unix_ms(clock_.now()); }

    // Database::write(), remembering for ready() whether it could be done.
    template <class F>
    Task<std::invoke_result_t<F&, sql::Connection&>> write(F fn);

    void wake_consumers(const std::string& queue);
    milliseconds time_until(std::int64_t due) const;

    Task<Claim> take(std::string queue, std::size_t count);
    Task<void> dispatch(Consumer& consumer);
    Task<void> handle_one(Consumer& consumer, Claimed claimed);
    Task<void> settle(Consumer& consumer, std::int64_t seq, Ending ending, std::string reason);
    void record_failure(sql::Connection& connection, std::int64_t seq, const std::string& reason) const;

    sql::Database& database_;
    const Clock& clock_;
    const Retry retry_;
    std::atomic<bool> ready_{true};
    std::mutex mutex_;
    std::multimap<std::string, std::shared_ptr<Waker>> listeners_;  // by queue
};

template <class F>
Task<std::invoke_result_t<F&, sql::Connection&>> SqliteEventQueue::write(F fn)
{
    struct Mark {
        std::atomic<bool>& ready;
        bool good = false;
        ~Mark() { ready = good; }
    };
    Mark mark{ready_};
    if constexpr (std::is_void_v<std::invoke_result_t<F&, sql::Connection&>>) {
        co_await database_.write(std::move(fn));
        mark.good = true;
    } else {
        auto result = co_await database_.write(std::move(fn));
        mark.good = true;
        co_return result;
    }
}

void SqliteEventQueue::wake_consumers(const std::string& queue)
{
    // Under the lock, so that a consumer's context cannot end in between.
    std::scoped_lock lock(mutex_);
    auto [first, last] = listeners_.equal_range(queue);
    for (; first != last; ++first)
        first->second->wake();
}

Task<void> SqliteEventQueue::publish(Event event)
{
    auto queues = queues_for(event.type);
    auto body = encode_event(event);
    if (queues.empty())
        co_return;
    auto add = [&, time = now()](sql::Connection& connection) {
        for (const auto& queue : queues)
            connection.execute("INSERT INTO event_deliveries "
                               "(queue, event_id, state, attempts, due_at, changed_at, body, reason) "
                               "VALUES (?, ?, 0, 0, ?, ?, ?, '') ON CONFLICT (queue, event_id) DO NOTHING",
                               {queue, event.id, time, time, body});
        forget_old(connection, time);
    };
    co_await write(std::move(add));
    for (const auto& queue : queues)
        wake_consumers(queue);
}

Task<void> SqliteEventQueue::consume(std::string queue, std::size_t prefetch, Handle handle)
{
    GH_ASSERT(prefetch > 0);
    Consumer consumer(co_await asio::this_coro::executor, std::move(queue), prefetch, std::move(handle));
    Listening listening(*this, consumer);

    // From here on a cancellation ends waits but throws nothing: what is claimed must come to an ending first.
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await dispatch(consumer);
    co_await consumer.handlers.stop(milliseconds{0});
    auto unstarted = std::exchange(consumer.claimed, {});
    for (std::int64_t seq : unstarted)
        co_await settle(consumer, seq, Ending::given_back, "");
    co_await asio::this_coro::throw_if_cancelled(throws);
}

// Returns when the coroutine is cancelled.
Task<void> SqliteEventQueue::dispatch(Consumer& consumer)
{
    Backoff backoff(backoff_max);
    while (true) {
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        std::optional<milliseconds> wait;
        if (consumer.claimed.size() < consumer.prefetch) {
            Claim claim;
            std::string failure;
            try {
                claim = co_await take(consumer.queue, consumer.prefetch - consumer.claimed.size());
            } catch (const std::exception& e) {
                failure = e.what();
            }
            if (!failure.empty()) {
                log::error("events", "cannot read the queue; will try again",
                           {{"queue", consumer.queue}, {"error", failure}});
                co_await pause(backoff.next());
                continue;
            }
            backoff.reset();
            for (Claimed& claimed : claim.taken) {
                consumer.claimed.insert(claimed.seq);
                GH_ASSERT(consumer.handlers.spawn(handle_one(consumer, std::move(claimed))));
            }
            if (claim.next_due)
                wait = time_until(*claim.next_due);
        }
        co_await consumer.waker->wait(wait);
    }
}

milliseconds SqliteEventQueue::time_until(std::int64_t due) const
{
    return std::clamp(milliseconds{due - now()}, milliseconds{1}, look_again);
}

Task<Claim> SqliteEventQueue::take(std::string queue, std::size_t count)
{
    auto work = [&, time = now()](sql::Connection& connection) {
        auto result = claim(connection, queue, count, time);
        // Nothing waits longer than delay_max, unless the wall clock was set back.
        if (result.next_due && *result.next_due > time + retry_.delay_max.count()) {
            connection.execute("UPDATE event_deliveries SET due_at = ? WHERE queue = ? AND state = 0 AND due_at > ?",
                               {time, queue, time + retry_.delay_max.count()});
            result.next_due = time;
        }
        return result;
    };
    co_return co_await write(std::move(work));
}

Task<void> SqliteEventQueue::handle_one(Consumer& consumer, Claimed claimed)
{
    const Delivery delivery = claimed.delivery;
    std::string failure;
    bool threw = true;
    try {
        auto handling = consumer.handle(std::move(claimed.delivery));
        co_await std::move(handling);
        threw = false;
    } catch (const std::exception& e) {
        failure = e.what();
    } catch (...) {
        failure = "unknown exception";
    }
    co_await asio::this_coro::throw_if_cancelled(false);

    auto ending = Ending::acknowledged;
    if (threw)
        ending = consumer.handlers.stopping() ? Ending::given_back : Ending::failed;
    if (ending == Ending::failed)
        log::warn("events", "an event's handler failed",
                  {{"queue", consumer.queue},
                   {"event", delivery.event.id},
                   {"type", delivery.event.type},
                   {"attempt", delivery.attempt},
                   {"attempts_max", retry_.attempts_max},
                   {"error", failure}});
    co_await settle(consumer, claimed.seq, ending, std::move(failure));
    consumer.claimed.erase(claimed.seq);
    consumer.waker->wake();
}

// Writes down how a claimed row ended, however long that takes; only a consumer that stops gives up, and leaves the row
// to recover() at the next start.
Task<void> SqliteEventQueue::settle(Consumer& consumer, std::int64_t seq, Ending ending, std::string reason)
{
    auto work = [&](sql::Connection& connection) {
        switch (ending) {
        case Ending::acknowledged:
            connection.execute("UPDATE event_deliveries SET state = 3, body = '', reason = '', changed_at = ? "
                               "WHERE seq = ? AND state = 1",
                               {now(), seq});
            break;
        case Ending::failed: record_failure(connection, seq, reason); break;
        case Ending::given_back:
            connection.execute("UPDATE event_deliveries SET state = 0, attempts = attempts - 1 "
                               "WHERE seq = ? AND state = 1",
                               {seq});
            break;
        }
    };
    Backoff backoff(backoff_max);
    while (true) {
        std::string failure;
        try {
            co_await write(work);
        } catch (const std::exception& e) {
            failure = e.what();
        }
        if (failure.empty())
            co_return;
        log::error("events", "cannot write down how an event ended", {{"queue", consumer.queue}, {"error", failure}});
        if (consumer.handlers.stopping())
            co_return;
        co_await pause(backoff.next());
    }
}

void SqliteEventQueue::record_failure(sql::Connection& connection, std::int64_t seq, const std::string& reason) const
{
    auto row = connection.query("SELECT attempts FROM event_deliveries WHERE seq = ? AND state = 1", {seq}).at(0);
    auto attempts = static_cast<int>(row.integer(0));
    if (attempts >= retry_.attempts_max) {
        bury(connection, seq, reason, now());
        return;
    }
    connection.execute("UPDATE event_deliveries SET state = 0, due_at = ?, reason = ? WHERE seq = ?",
                       {now() + delay_after(retry_, attempts).count(), shorten_reason(reason), seq});
}

Task<std::vector<DeadLetter>> SqliteEventQueue::dead_letters(std::size_t limit)
{
    auto list = [limit](sql::Connection& connection) {
        auto rows = connection.query("SELECT queue, event_id, attempts, changed_at, body, reason FROM event_deliveries "
                                     "WHERE state = 2 ORDER BY changed_at DESC, seq DESC LIMIT ?",
                                     {static_cast<std::int64_t>(limit)});
        std::vector<DeadLetter> letters;
        for (const sql::Row& row : rows)
            letters.push_back(to_dead_letter(row));
        return letters;
    };
    co_return co_await database_.read(std::move(list));
}

Task<std::optional<DeadLetter>> SqliteEventQueue::find_dead_letter(std::string id)
{
    auto find = [letter = split_letter_id(id)](sql::Connection& connection) -> std::optional<DeadLetter> {
        auto rows = connection.query("SELECT queue, event_id, attempts, changed_at, body, reason FROM event_deliveries "
                                     "WHERE queue = ? AND event_id = ? AND state = 2",
                                     {letter.queue, letter.event_id});
        if (rows.empty())
            return std::nullopt;
        return to_dead_letter(rows.front());
    };
    co_return co_await database_.read(std::move(find));
}

Task<bool> SqliteEventQueue::retry_dead_letter(std::string id)
{
    auto letter = split_letter_id(id);
    auto revive = [&](sql::Connection& connection) {
        return connection.execute("UPDATE event_deliveries SET state = 0, attempts = 0, due_at = ?, reason = '' "
                                  "WHERE queue = ? AND event_id = ? AND state = 2",
                                  {now(), letter.queue, letter.event_id});
    };
    auto changed = co_await write(std::move(revive));
    if (changed > 0)
        wake_consumers(letter.queue);
    co_return changed > 0;
}

Task<bool> SqliteEventQueue::drop_dead_letter(std::string id)
{
    // Like one that was handled: its id is remembered, so that no repeated publish brings it back.
    auto drop = [this, letter = split_letter_id(id)](sql::Connection& connection) {
        return connection.execute("UPDATE event_deliveries SET state = 3, body = '', reason = '', changed_at = ? "
                                  "WHERE queue = ? AND event_id = ? AND state = 2",
                                  {now(), letter.queue, letter.event_id});
    };
    auto changed = co_await write(std::move(drop));
    co_return changed > 0;
}

std::size_t count_live(sql::Connection& connection, const std::string& queue)
{
    auto rows = connection.query("SELECT (SELECT COUNT(*) FROM event_deliveries WHERE queue = ? AND state = 0) + "
                                 "(SELECT COUNT(*) FROM event_deliveries WHERE queue = ? AND state = 1)",
                                 {queue, queue});
    return static_cast<std::size_t>(rows.at(0).integer(0));
}

std::size_t count_dead(sql::Connection& connection, const std::string& queue)
{
    auto rows = connection.query("SELECT COUNT(*) FROM event_deliveries WHERE queue = ? AND state = 2", {queue});
    return static_cast<std::size_t>(rows.at(0).integer(0));
}

Task<std::size_t> SqliteEventQueue::depth(std::string queue)
{
    auto count = [&](sql::Connection& connection) { return count_live(connection, queue); };
    co_return co_await database_.read(std::move(count));
}

Task<std::size_t> SqliteEventQueue::dead_count(std::string queue)
{
    auto count = [&](sql::Connection& connection) { return count_dead(connection, queue); };
    co_return co_await database_.read(std::move(count));
}

}  // namespace

int newest_schema_version() { return static_cast<int>(migrations().size()); }

Findings examine_sqlite_queue(sql::Connection& connection)
{
    Findings findings;
    for (const Binding& binding : bindings())
        findings.push_back(
            judge_queue(binding.queue, {count_live(connection, binding.queue), count_dead(connection, binding.queue)}));
    return findings;
}

std::unique_ptr<EventQueue> make_sqlite_event_queue(sql::Database& database, const Clock& clock, Retry retry)
{
    return std::make_unique<SqliteEventQueue>(database, clock, retry);
}

}  // namespace gatehouse::events
