// SPDX-License-Identifier: Apache-2.0
#include "events/transfer.hpp"

#include "base/error.hpp"
#include "base/waker.hpp"
#include "events/rabbitmq_event_queue.hpp"
#include "events/rabbitmq_message.hpp"

#include <fmt/format.h>

#include <set>
#include <stdexcept>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t batch_messages = 200;
constexpr std::size_t batch_bytes_max = 4UL << 20U;
constexpr int looks_max = 20;
constexpr milliseconds look_pause{250};

AmqpUrl parse_or_throw(const std::string& url)
{
    auto parsed = parse_amqp_url(url);
    if (!parsed)
        throw std::invalid_argument("the URL " + parsed.error());
    return std::move(*parsed);
}

// Tells `done` when each of several publishings has told how it ended, what the first failure was.
class Together final {
public:
    explicit Together(Done done) : done_(std::move(done)) {}

    static Done one(const std::shared_ptr<Together>& all)
    {
        ++all->open_;
        return Done([all](std::exception_ptr error) {
            if (error && !all->error_)
                all->error_ = std::move(error);
            if (--all->open_ == 0)
                all->done_(all->error_);
        });
    }

private:
    Done done_;
    std::exception_ptr error_;
    std::size_t open_ = 0;
};

struct Outgoing {
    std::string queue;  // the broker's name of it
    AmqpMessage message;
};

}  // namespace

struct QueueTransfer::State {
    State(sql::Connection& from, AmqpUrl url, const Clock& clock, Retry retry, std::string prefix)
        : source(from),
          opened(make_rabbitmq_queue({.url = std::move(url), .prefix = std::move(prefix), .retry = retry}, clock))
    {
    }

    std::uint64_t count(const std::string& queue, std::int64_t state) const;
    Task<void> empty_queues();
    Task<void> publish(std::vector<Outgoing> batch);
    void compare_dead(QueueComparison& result, std::size_t examples_max);
    std::string describe_difference(const std::string& queue, const AmqpMessage& message) const;

    sql::Connection& source;
    RabbitmqQueue opened;
};

QueueTransfer::QueueTransfer(sql::Connection& source, const std::string& url, const Clock& clock, Retry retry,
                             std::string prefix)
    : state_(std::make_unique<State>(source, parse_or_throw(url), clock, retry, std::move(prefix)))
{
}

QueueTransfer::~QueueTransfer() = default;

std::uint64_t QueueTransfer::State::count(const std::string& queue, std::int64_t state) const
{
    auto rows = source.query("SELECT COUNT(*) FROM event_deliveries WHERE queue = ? AND state = ?", {queue, state});
    return static_cast<std::uint64_t>(rows.at(0).integer(0));
}

Task<std::vector<std::string>> QueueTransfer::list_target()
{
    std::vector<std::string> found;
    for (const Binding& binding : bindings()) {
        auto waiting = co_await state_->opened.queue->depth(binding.queue);
        auto dead = co_await state_->opened.queue->dead_count(binding.queue);
        if (waiting + dead > 0)
            found.push_back(fmt::format("{}: {} waiting, {} dead", binding.queue, waiting, dead));
    }
    co_return found;
}

std::uint64_t QueueTransfer::count_source() const
{
    auto rows = state_->source.query("SELECT COUNT(*) FROM event_deliveries WHERE state IN (0, 2)");
    return static_cast<std::uint64_t>(rows.at(0).integer(0));
}

Task<void> QueueTransfer::State::empty_queues()
{
    Broker& broker = *opened.broker;
    auto start = [&broker](Session& session, Done done) {
        std::uint16_t channel = session.open_channel();
        for (const Binding& binding : bindings()) {
            session.connection().purge_queue(channel, broker.name_of(binding.queue));
            session.connection().purge_queue(channel, broker.dead_name(binding.queue));
            for (milliseconds delay : broker.delays())
                session.connection().purge_queue(channel, broker.retry_name(binding.queue, delay));
        }
        session.close_channel(channel);
        done(nullptr);
    };
    co_await broker.ask(std::move(start), false);
}

Task<void> QueueTransfer::State::publish(std::vector<Outgoing> batch)
{
    auto start = [&batch](Session& session, Done done) {
        auto together = std::make_shared<Together>(std::move(done));
        // Held open until all are on their way.
        Done begun = Together::one(together);
        for (const Outgoing& one : batch)
            session.publish("", one.queue, one.message, true, Together::one(together));
        begun(nullptr);
    };
    co_await opened.broker->ask(std::move(start), true);
}

Task<void> QueueTransfer::bring(std::function<void(std::uint64_t done)> progress)
{
    State& state = *state_;
    Broker& broker = *state.opened.broker;
    co_await state.empty_queues();
    std::int64_t last = 0;
    std::uint64_t brought = 0;
    while (true) {
        auto rows = state.source.query(
            "SELECT seq, queue, event_id, state, attempts, changed_at, body, reason FROM event_deliveries "
            "WHERE state IN (0, 2) AND seq > ? ORDER BY seq LIMIT ?",
            {last, batch_messages});
        if (rows.empty())
            co_return;
        std::vector<Outgoing> batch;
        std::size_t bytes = 0;
        for (const sql::Row& row : rows) {
            if (bytes > batch_bytes_max)
                break;
            last = row.integer(0);
            bytes += row.text(6).size();
            const std::string& queue = row.text(1);
            if (row.integer(3) == 0)
                batch.push_back({broker.name_of(queue), to_message(row.text(2), row.text(6), row.integer(4))});
            else
                batch.push_back(
                    {broker.dead_name(queue), to_dead_message(row.text(2), row.text(6), row.integer(4),
                                                              {row.text(7), from_unix_ms(row.integer(5))})});
        }
        std::size_t size = batch.size();
        co_await state.publish(std::move(batch));
        progress(brought += size);
    }
}

// Empty when it is what the source has.
std::string QueueTransfer::State::describe_difference(const std::string& queue, const AmqpMessage& message) const
{
    auto rows = source.query("SELECT attempts, changed_at, body, reason FROM event_deliveries "
                             "WHERE queue = ? AND event_id = ? AND state = 2",
                             {queue, message.id});
    if (rows.empty())
        return "only in the new store";
    DeadLetter letter = to_dead_letter(queue, message);
    bool same = letter.attempts == rows[0].integer(0) && to_unix_ms(letter.failed_at) == rows[0].integer(1) &&
                message.body == rows[0].text(2) && letter.reason == shorten_reason(rows[0].text(3));
    return same ? "" : "differs";
}

// On a connection of its own: when it ends, all of them are back in their queue.
void QueueTransfer::State::compare_dead(QueueComparison& result, std::size_t examples_max)
{
    AmqpConnection connection(opened.broker->options().url);
    constexpr std::uint16_t channel = 1;
    connection.open_channel(channel);
    std::set<std::string> seen;
    auto tell = [&](const std::string& id, std::string_view what) {
        ++result.different;
        if (result.examples.size() < examples_max)
            result.examples.push_back(fmt::format("dead letter {}:{}: {}", result.queue, id, what));
    };
    while (auto got = connection.get(channel, opened.broker->dead_name(result.queue))) {
        ++result.target_dead;
        std::string what = describe_difference(result.queue, got->message);
        if (what.empty() && !seen.insert(got->message.id).second)
            what = "is there twice";
        if (!what.empty())
            tell(got->message.id, what);
    }
    connection.close_channel(channel);
    if (seen.size() < result.source_dead)
        for (std::uint64_t i = seen.size(); i < result.source_dead; ++i)
            tell("?", "missing in the new store");
}

Task<std::vector<QueueComparison>> QueueTransfer::compare(std::size_t examples_max)
{
    State& state = *state_;
    std::vector<QueueComparison> results;
    for (const Binding& binding : bindings()) {
        QueueComparison result{.queue = binding.queue};
        result.source_waiting = state.count(binding.queue, 0);
        result.source_dead = state.count(binding.queue, 2);
        // A broker may tell the number of what it has just confirmed a moment later.
        for (int look = 0; look < looks_max; ++look) {
            if (look > 0)
                co_await pause(look_pause);
            result.target_waiting = co_await state.opened.queue->depth(binding.queue);
            if (result.target_waiting == result.source_waiting)
                break;
        }
        state.compare_dead(result, examples_max);
        if (result.target_waiting != result.source_waiting) {
            result.different += std::max(result.source_waiting, result.target_waiting) -
                                std::min(result.source_waiting, result.target_waiting);
            result.examples.push_back(fmt::format("queue {}: {} wait in the old store, {} in the new one", result.queue,
                                                  result.source_waiting, result.target_waiting));
        }
        results.push_back(std::move(result));
    }
    co_return results;
}

}  // namespace gatehouse::events
