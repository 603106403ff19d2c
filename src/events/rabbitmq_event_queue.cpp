// SPDX-License-Identifier: Apache-2.0
// EventQueue on RabbitMQ: what is not consuming (rabbitmq_consumer.hpp).
#include "events/rabbitmq_event_queue.hpp"

#include "base/id.hpp"
#include "events/rabbitmq_consumer.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;

constexpr int letter_looks_max = 3;
constexpr milliseconds letter_pause{200};

// Asking a broker for a queue that it does not have ends the connection.
bool is_queue(const std::string& name)
{
    return std::ranges::find(bindings(), name, &Binding::queue) != bindings().end();
}

class RabbitmqEventQueue final : public EventQueue {
public:
    RabbitmqEventQueue(Broker::Options options, const Clock& clock) : clock_(clock), broker_(std::move(options)) {}

    Task<void> publish(Event event) override;
    Task<void> consume(std::string queue, std::size_t prefetch, Handle handle) override;
    Task<std::vector<DeadLetter>> dead_letters(std::size_t limit) override;
    Task<std::optional<DeadLetter>> find_dead_letter(std::string id) override;
    Task<bool> retry_dead_letter(std::string id) override;
    Task<bool> drop_dead_letter(std::string id) override;
    Task<std::size_t> depth(std::string queue) override;
    Task<std::size_t> dead_count(std::string queue) override;
    bool ready() const override { return broker_.ready(); }

    Broker& broker() { return broker_; }

private:
    // Does `work` on the broker's thread with the letter, if there is one: then it is to call Done. True when there
    // was.
    using OnLetter = std::move_only_function<void(Session&, OwnChannel, AmqpConnection::Got, Done)>;
    Task<bool> with_letter(std::string id, OnLetter work);

    const Clock& clock_;
    Broker broker_;
};

Task<void> RabbitmqEventQueue::publish(Event event)
{
    bool bound = !queues_for(event.type).empty();
    AmqpMessage message = to_message(event);
    auto start = [&](Session& session, Done done) {
        session.publish(broker_.name_of("events"), message.type, message, bound, std::move(done));
    };
    co_await broker_.ask(std::move(start), true);
}

Task<void> RabbitmqEventQueue::consume(std::string queue, std::size_t prefetch, Handle handle)
{
    auto executor = co_await asio::this_coro::executor;
    RabbitmqConsumer consumer(broker_, clock_, executor, std::move(queue), prefetch, std::move(handle));
    co_await consumer.run();
}

Task<std::vector<DeadLetter>> RabbitmqEventQueue::dead_letters(std::size_t limit)
{
    std::vector<DeadLetter> letters;
    auto newer = [](const DeadLetter& a, const DeadLetter& b) { return a.failed_at > b.failed_at; };
    auto start = [&](Session& session, Done done) {
        for (const Binding& binding : bindings()) {
            OwnChannel channel(session);
            for (std::size_t i = 0; i < messages_read_max; ++i) {
                auto got = session.connection().get(channel.number(), broker_.dead_name(binding.queue));
                if (!got)
                    break;
                letters.push_back(to_dead_letter(binding.queue, got->message));
                std::ranges::push_heap(letters, newer);  // the oldest is at the front
                if (letters.size() > limit) {
                    std::ranges::pop_heap(letters, newer);
                    letters.pop_back();
                }
            }
            channel.close();
        }
        done(nullptr);
    };
    co_await broker_.ask(std::move(start), false);
    std::ranges::sort(letters, newer);
    co_return letters;
}

Task<bool> RabbitmqEventQueue::with_letter(std::string id, OnLetter work)
{
    auto wanted = split_letter_id(id);
    if (!is_queue(wanted.queue) || wanted.event_id.empty())
        co_return false;
    bool found = false;
    auto start = [&](Session& session, Done done) {
        OwnChannel channel(session);
        auto got = take_message(session, channel.number(), broker_.dead_name(wanted.queue), wanted.event_id);
        found = got.has_value();
        if (found) {
            work(session, channel, std::move(*got), std::move(done));
            return;
        }
        channel.close();
        done(nullptr);
    };
    // While somebody else looks through the letters they are out of the queue for a moment.
    for (int look = 0; look < letter_looks_max && !found; ++look) {
        if (look > 0)
            co_await pause(letter_pause);
        co_await broker_.ask(start, true);
    }
    co_return found;
}

Task<std::optional<DeadLetter>> RabbitmqEventQueue::find_dead_letter(std::string id)
{
    std::optional<DeadLetter> letter;
    auto look = [&](Session&, OwnChannel channel, AmqpConnection::Got got, Done done) {
        letter = to_dead_letter(split_letter_id(id).queue, got.message);
        channel.close();
        done(nullptr);
    };
    co_await with_letter(id, std::move(look));
    co_return letter;
}

Task<bool> RabbitmqEventQueue::retry_dead_letter(std::string id)
{
    auto revive = [&](Session& session, OwnChannel channel, AmqpConnection::Got got, Done done) {
        Copy copy(std::move(got.message));
        copy.revival = make_id();
        std::string target = broker_.name_of(split_letter_id(id).queue);
        session.publish("", target, copy.again(0), true, acknowledge_then(channel, got.tag, std::move(done)));
    };
    co_return co_await with_letter(id, std::move(revive));
}

Task<bool> RabbitmqEventQueue::drop_dead_letter(std::string id)
{
    auto drop = [](Session&, OwnChannel channel, AmqpConnection::Got got, Done done) {
        acknowledge_then(channel, got.tag, std::move(done))(nullptr);
    };
    co_return co_await with_letter(id, std::move(drop));
}

Task<std::size_t> RabbitmqEventQueue::depth(std::string queue)
{
    std::size_t count = 0;
    auto start = [&](Session& session, Done done) {
        std::uint16_t channel = session.open_channel();
        count = session.connection().count(channel, broker_.name_of(queue)) + session.unacknowledged(queue);
        for (milliseconds delay : broker_.delays())
            count += session.connection().count(channel, broker_.retry_name(queue, delay));
        session.close_channel(channel);
        done(nullptr);
    };
    co_await broker_.ask(std::move(start), false);
    co_return count;
}

Task<std::size_t> RabbitmqEventQueue::dead_count(std::string queue)
{
    std::size_t count = 0;
    auto start = [&](Session& session, Done done) {
        std::uint16_t channel = session.open_channel();
        count = session.connection().count(channel, broker_.dead_name(queue));
        session.close_channel(channel);
        done(nullptr);
    };
    co_await broker_.ask(std::move(start), false);
    co_return count;
}

}  // namespace

RabbitmqQueue make_rabbitmq_queue(Broker::Options options, const Clock& clock)
{
    auto queue = std::make_unique<RabbitmqEventQueue>(std::move(options), clock);
    Broker* broker = &queue->broker();
    return {.queue = std::move(queue), .broker = broker};
}

std::unique_ptr<EventQueue> make_rabbitmq_event_queue(const std::string& url, const Clock& clock, Retry retry,
                                                      std::string prefix)
{
    auto parsed = parse_amqp_url(url);
    if (!parsed)
        throw std::invalid_argument("the URL " + parsed.error());
    Broker::Options options{.url = std::move(*parsed), .prefix = std::move(prefix), .retry = retry};
    return std::make_unique<RabbitmqEventQueue>(std::move(options), clock);
}

}  // namespace gatehouse::events
