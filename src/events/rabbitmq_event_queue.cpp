// SPDX-License-Identifier: Apache-2.0
// EventQueue on RabbitMQ.
//
// A message in a queue is a copy of an event with the number of attempts that failed so far; the broker adds how often
// it gave this copy to somebody who went away. A failed attempt puts a copy with a higher number into a retry queue
// (or, the last one, among the dead letters), and acknowledges the old copy when the broker has the new one for good.
// Whatever is lost in between, the event comes again; it is never in no queue.
#include "events/rabbitmq_event_queue.hpp"
#include "base/id.hpp"
#include "base/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

#include <set>
#include <unordered_map>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;

constexpr const char* content_type = "application/cloudevents+json";
constexpr const char* attempts_header = "x-gatehouse-attempts";    // that failed
constexpr const char* revival_header = "x-gatehouse-revival";      // new for each retry of a dead letter
constexpr const char* reason_header = "x-gatehouse-reason";        // of a dead letter
constexpr const char* failed_at_header = "x-gatehouse-failed-at";  // milliseconds since 1970
constexpr const char* deliveries_header = "x-delivery-count";      // the broker's: without an acknowledgement

constexpr std::size_t reason_bytes_max = 1000;
constexpr std::size_t letters_read_max = 10'000;
constexpr std::size_t remembered_max = 1'000;
constexpr milliseconds settle_backoff_max{5'000};

std::string encode(const Event& event)
{
    std::string text = to_json(event);
    if (text.size() > event_bytes_max)
        throw std::invalid_argument("the event is too long");
    auto parsed = parse_event(text);
    if (!parsed)
        throw std::invalid_argument(parsed.error());
    return text;
}

AmqpMessage make_message(const Event& event, std::string body)
{
    return {.id = event.id, .type = event.type, .content_type = content_type, .headers = {}, .body = std::move(body)};
}

// What a message in a work queue says.
struct Copy {
    explicit Copy(AmqpMessage from)
        : message(std::move(from)), attempts(message.find_integer(attempts_header).value_or(0)),
          deliveries(message.find_integer(deliveries_header).value_or(0)),
          revival(message.find_text(revival_header).value_or(""))
    {
    }

    // The same for the same copy, however often it is delivered.
    std::string key() const { return fmt::format("{} {} {}", message.id, attempts, revival); }
    int attempt() const { return static_cast<int>(std::min<std::int64_t>(attempts + deliveries, 1'000'000)) + 1; }

    AmqpMessage again(std::int64_t failed_attempts) const
    {
        AmqpMessage next{.id = message.id,
                         .type = message.type,
                         .content_type = message.content_type,
                         .headers = {{attempts_header, failed_attempts}},
                         .body = message.body};
        if (!revival.empty())
            next.headers.push_back({revival_header, revival});
        return next;
    }

    AmqpMessage message;
    std::int64_t attempts;
    std::int64_t deliveries;
    std::string revival;
};

DeadLetter to_dead_letter(const std::string& queue, const AmqpMessage& message)
{
    DeadLetter letter;
    letter.queue = queue;
    letter.id = queue + ":" + message.id;
    letter.attempts = static_cast<int>(message.find_integer(attempts_header).value_or(0));
    letter.reason = message.find_text(reason_header).value_or("it was delivered too often without an end");
    letter.failed_at = from_unix_ms(message.find_integer(failed_at_header).value_or(0));
    if (auto event = parse_event(message.body))
        letter.event = std::move(*event);
    else
        letter.event.id = message.id;
    return letter;
}

struct LetterId {
    std::string queue;
    std::string event_id;
};

// nullopt when no queue of ours can have a letter of that id.
std::optional<LetterId> split_letter_id(const std::string& id)
{
    auto colon = id.find(':');
    if (colon == std::string::npos || colon + 1 == id.size())
        return std::nullopt;
    LetterId letter{id.substr(0, colon), id.substr(colon + 1)};
    bool known = std::ranges::any_of(bindings(), [&](const Binding& binding) { return binding.queue == letter.queue; });
    return known ? std::optional(letter) : std::nullopt;
}

enum class Ending { acknowledged, failed, given_back };

// A channel of one's own, on the broker's thread. What was taken there and not acknowledged goes back when it is
// closed.
class OwnChannel {
public:
    explicit OwnChannel(Session& session) : session_(&session), number_(session.open_channel()) {}

    std::uint16_t number() const { return number_; }
    void acknowledge(std::uint64_t tag) { session_->connection().acknowledge(number_, tag); }
    void close() { session_->close_channel(number_); }

private:
    Session* session_;
    std::uint16_t number_;
};

bool is_among(const std::vector<Receipt>& receipts, const Receipt& receipt)
{
    return std::ranges::find(receipts, receipt) != receipts.end();
}

Task<void> wait_for_broker()
{
    auto waiting = pause(milliseconds{20});
    co_await std::move(waiting);
}

// Takes messages out of a queue until it is the one with that id.
std::optional<AmqpConnection::Got> take_message(Session& session, std::uint16_t channel, const std::string& queue,
                                                const std::string& id)
{
    for (std::size_t i = 0; i < letters_read_max; ++i) {
        auto got = session.connection().get(channel, queue);
        if (!got || got->message.id == id)
            return got;
    }
    return std::nullopt;
}

// Acknowledges what an event came by, when what was to be done before that is done.
Done acknowledge_then(Session& session, std::vector<Receipt> receipts, Done done)
{
    auto acknowledge = [&session, receipts = std::move(receipts),
                        done = std::move(done)](std::exception_ptr error) mutable {
        if (!error)
            for (const Receipt& receipt : receipts)
                session.acknowledge(receipt);
        done(error);
    };
    return Done(std::move(acknowledge));
}

Done acknowledge_then(OwnChannel channel, std::optional<std::uint64_t> tag, Done done)
{
    auto acknowledge = [channel, tag, done = std::move(done)](std::exception_ptr error) mutable {
        if (!error && tag)
            channel.acknowledge(*tag);
        channel.close();
        done(error);
    };
    return Done(std::move(acknowledge));
}

// One call of consume(). Lives in its coroutine's frame, on its thread.
struct Consumer {
    Consumer(const asio::any_io_executor& executor, std::string from, std::size_t at_once, EventQueue::Handle with)
        : prefetch(at_once), handle(std::move(with)), waker(std::make_shared<Waker>(executor)),
          subscription(std::make_shared<Subscription>(std::move(from), at_once, waker)),
          tasks(executor, "events", 4 * at_once + 16)
    {
    }

    const std::string& queue() const { return subscription->queue; }

    struct InHand {
        Copy copy;
        // Of the newest connection: after one is lost the event comes again while it is handled, and a repeated publish
        // may bring it twice by the same.
        std::vector<Receipt> receipts;
        std::chrono::steady_clock::time_point since{};  // when its handler began
        bool running = false;
        bool held = false;  // the broker has it in the hold queue
        bool busy = false;  // somebody is asking the broker about it
    };
    struct Ended {
        Ending ending;
        std::string reason;
    };

    // Copies that have ended are known for a while, because one whose acknowledgement was lost comes again.
    void remember(const std::string& key, Ended how)
    {
        if (ended.insert_or_assign(key, std::move(how)).second)
            order.push_back(key);
        if (order.size() > remembered_max) {
            ended.erase(order.front());
            order.pop_front();
        }
    }

    std::size_t prefetch;
    EventQueue::Handle handle;
    std::shared_ptr<Waker> waker;
    std::shared_ptr<Subscription> subscription;
    std::deque<std::string> waiting;        // ids of those in hand that have not begun
    std::map<std::string, InHand> in_hand;  // by the event's id
    std::size_t running = 0;
    std::unordered_map<std::string, Ended> ended;     // by key
    std::deque<std::string> order;                    // of `ended`, the oldest first
    const std::string id = make_id();                 // names its hold queue
    std::chrono::steady_clock::time_point renewed{};  // when the held ones were
    TaskGroup tasks;
};

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
    bool ready() const override { return broker_.ready(); }

    Broker& broker() { return broker_; }

private:
    const Retry& retry() const { return broker_.options().retry; }

    Task<void> dispatch(Consumer& consumer);
    void sort_incoming(Consumer& consumer);
    void start_handlers(Consumer& consumer);
    void start_holding(Consumer& consumer);
    Task<void> stop_deliveries(Consumer& consumer);
    Task<void> give_back_waiting(Consumer& consumer);
    Task<void> handle_one(Consumer& consumer, std::string id);
    Task<void> settle(Consumer& consumer, std::string id, Ending ending, std::string reason);
    Task<void> settle_again(Consumer& consumer, Incoming incoming, Consumer::Ended how);
    Task<void> settle_once(std::string queue, Copy copy, std::vector<Receipt> receipts, Ending ending,
                           std::string reason);
    Task<void> settle_held(Consumer& consumer, Copy copy, Ending ending, std::string reason);
    Task<void> hold(Consumer& consumer, std::string id);
    Task<void> renew(Consumer& consumer);

    // Where a copy goes that ended so, and as what. Not for acknowledged ones.
    struct Next {
        std::string queue;
        AmqpMessage message;
    };
    Next next_of(const std::string& queue, const Copy& copy, Ending ending, const std::string& reason) const;
    std::string hold_name(const Consumer& consumer) const
    {
        return broker_.name_of(consumer.queue()) + ".hold." + consumer.id;
    }

    // Does `work` on the broker's thread with the letter, if there is one: then it is to call Done. True when there
    // was.
    using OnLetter = std::move_only_function<void(Session&, OwnChannel, AmqpConnection::Got, Done)>;
    Task<bool> with_letter(std::string id, OnLetter work);

    const Clock& clock_;
    Broker broker_;
};

Task<void> RabbitmqEventQueue::publish(Event event)
{
    std::string body = encode(event);
    bool bound = !queues_for(event.type).empty();
    AmqpMessage message = make_message(event, std::move(body));
    auto start = [&](Session& session, Done done) {
        session.publish(broker_.name_of("events"), message.type, message, bound, std::move(done));
    };
    co_await broker_.ask(std::move(start), true);
}

Task<void> RabbitmqEventQueue::consume(std::string queue, std::size_t prefetch, Handle handle)
{
    GH_ASSERT(prefetch > 0);
    // What the broker's thread has for this coroutine ends when its frame, and so its context, does.
    struct Subscribed {
        Subscribed(Broker& b, std::shared_ptr<Subscription> s) : broker(b), subscription(std::move(s))
        {
            broker.subscribe(subscription);
        }
        ~Subscribed() { broker.unsubscribe(subscription); }
        Subscribed(const Subscribed&) = delete;
        Subscribed& operator=(const Subscribed&) = delete;
        Broker& broker;
        std::shared_ptr<Subscription> subscription;
    };
    Consumer consumer(co_await asio::this_coro::executor, std::move(queue), prefetch, std::move(handle));
    Subscribed subscribed(broker_, consumer.subscription);

    // From here on a cancellation ends waits but throws nothing: what is in hand must come to an ending first.
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await dispatch(consumer);
    co_await stop_deliveries(consumer);  // first: what is given back must not come here again
    co_await consumer.tasks.stop(milliseconds{0});
    co_await give_back_waiting(consumer);
    co_await asio::this_coro::throw_if_cancelled(throws);
}

// Returns when the coroutine is cancelled.
Task<void> RabbitmqEventQueue::dispatch(Consumer& consumer)
{
    while (true) {
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        sort_incoming(consumer);
        start_handlers(consumer);
        start_holding(consumer);
        std::optional<milliseconds> limit;
        if (!consumer.in_hand.empty())
            limit = broker_.options().hold_after / 4;
        co_await consumer.waker->wait(limit);
    }
}

void RabbitmqEventQueue::sort_incoming(Consumer& consumer)
{
    std::deque<Incoming> incoming;
    {
        std::scoped_lock lock(consumer.subscription->mutex);
        incoming.swap(consumer.subscription->incoming);
    }
    for (Incoming& one : incoming) {
        const std::string id = one.message.id;
        if (auto known = consumer.in_hand.find(id); known != consumer.in_hand.end()) {
            auto is_old = [&](const Receipt& receipt) { return receipt.generation != one.receipt.generation; };
            std::erase_if(known->second.receipts, is_old);
            known->second.receipts.push_back(one.receipt);
            continue;
        }
        Copy copy(one.message);
        if (auto over = consumer.ended.find(copy.key()); over != consumer.ended.end()) {
            consumer.tasks.spawn(settle_again(consumer, std::move(one), over->second));
            continue;
        }
        consumer.in_hand.emplace(id, Consumer::InHand{.copy = std::move(copy), .receipts = {one.receipt}});
        consumer.waiting.push_back(id);
    }
}

void RabbitmqEventQueue::start_handlers(Consumer& consumer)
{
    while (consumer.running < consumer.prefetch && !consumer.waiting.empty()) {
        ++consumer.running;
        auto& in_hand = consumer.in_hand.at(consumer.waiting.front());
        in_hand.running = true;
        in_hand.since = std::chrono::steady_clock::now();
        GH_ASSERT(consumer.tasks.spawn(handle_one(consumer, consumer.waiting.front())));
        consumer.waiting.pop_front();
    }
}

// The broker takes a consumer that acknowledges nothing for half an hour for broken. What takes longer than that is
// moved into a queue of this consumer's own, where nobody else sees it as long as it is put there again from time to
// time.
void RabbitmqEventQueue::start_holding(Consumer& consumer)
{
    auto now = std::chrono::steady_clock::now();
    bool any_held = false;
    for (auto& [id, in_hand] : consumer.in_hand) {
        any_held = any_held || in_hand.held;
        if (!in_hand.running || in_hand.held || in_hand.busy || now - in_hand.since < broker_.options().hold_after)
            continue;
        in_hand.busy = true;
        if (!consumer.tasks.spawn(hold(consumer, id)))
            in_hand.busy = false;
    }
    if (!any_held || now - consumer.renewed < broker_.options().hold_after / 2)
        return;
    consumer.renewed = now;
    consumer.tasks.spawn(renew(consumer));
}

Task<void> RabbitmqEventQueue::stop_deliveries(Consumer& consumer)
{
    if (!broker_.ready())
        co_return;
    auto stop = [&](Session& session, Done done) {
        session.stop_deliveries(*consumer.subscription);
        done(nullptr);
    };
    try {
        co_await broker_.ask(std::move(stop), false);
    } catch (const Unavailable&) {
        // Nothing comes by a connection that is lost.
    }
}

// What has not begun goes to the end of its queue as it is, so that no attempt is counted.
Task<void> RabbitmqEventQueue::give_back_waiting(Consumer& consumer)
{
    sort_incoming(consumer);
    std::string failure;
    try {
        while (!consumer.waiting.empty()) {
            auto one = consumer.in_hand.extract(consumer.waiting.front());
            consumer.waiting.pop_front();
            Consumer::InHand in_hand = std::move(one.mapped());
            co_await settle_once(consumer.queue(), std::move(in_hand.copy), std::move(in_hand.receipts),
                                 Ending::given_back, "");
        }
    } catch (const std::exception& error) {
        failure = error.what();
    }
    // Then the broker gives them to somebody else by itself, and counts an attempt.
    if (!failure.empty())
        log::warn("events", "events could not be given back", {{"queue", consumer.queue()}, {"error", failure}});
}

Task<void> RabbitmqEventQueue::handle_one(Consumer& consumer, std::string id)
{
    const Copy& copy = consumer.in_hand.at(id).copy;
    const int attempt = copy.attempt();
    std::string failure;
    auto ending = Ending::acknowledged;
    auto event = parse_event(copy.message.body);
    if (!event) {
        ending = Ending::failed;
        failure = "it is no event: " + event.error();
    } else if (attempt > retry().attempts_max + 1) {
        ending = Ending::failed;
        failure = "the program ended each time while handling it";
    } else {
        bool threw = true;
        try {
            auto handling = consumer.handle(Delivery{.event = *event, .attempt = attempt});
            co_await std::move(handling);
            threw = false;
        } catch (const std::exception& error) {
            failure = error.what();
        } catch (...) {
            failure = "unknown exception";
        }
        if (threw)
            ending = consumer.tasks.stopping() ? Ending::given_back : Ending::failed;
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    if (ending == Ending::failed)
        log::warn("events", "an event's handler failed",
                  {{"queue", consumer.queue()},
                   {"event", copy.message.id},
                   {"type", copy.message.type},
                   {"attempt", attempt},
                   {"attempts_max", retry().attempts_max},
                   {"error", failure}});
    co_await settle(consumer, std::move(id), ending, std::move(failure));
    --consumer.running;
    consumer.waker->wake();
}

// Tells the broker how a copy ended. When the connection that it came by is lost, the broker delivers it again, here or
// elsewhere; here the ending is known by then.
Task<void> RabbitmqEventQueue::settle(Consumer& consumer, std::string id, Ending ending, std::string reason)
{
    Backoff backoff(settle_backoff_max);
    Consumer::InHand& in_hand = consumer.in_hand.at(id);
    const std::string key = in_hand.copy.key();
    while (true) {
        while (in_hand.busy)
            co_await wait_for_broker();
        in_hand.busy = true;
        const bool held = in_hand.held;
        const auto receipts = in_hand.receipts;
        auto is_settled = [&](const Receipt& receipt) { return is_among(receipts, receipt); };
        std::string failure;
        try {
            if (held)
                co_await settle_held(consumer, in_hand.copy, ending, reason);
            else
                co_await settle_once(consumer.queue(), in_hand.copy, receipts, ending, reason);
        } catch (const std::exception& error) {
            failure = error.what();
        }
        in_hand.busy = false;
        if (failure.empty()) {
            consumer.remember(key, {Ending::acknowledged, ""});
            in_hand.held = false;
            // It may have come again meanwhile.
            if (!held)
                std::erase_if(in_hand.receipts, is_settled);
            if (in_hand.receipts.empty())
                break;
            ending = Ending::acknowledged;
            continue;
        }
        log::warn("events", "cannot tell RabbitMQ how an event ended",
                  {{"queue", consumer.queue()}, {"event", id}, {"error", failure}});
        bool again = in_hand.receipts != receipts;
        bool lost = !held && (receipts.empty() || receipts.back().generation != broker_.generation());
        if (consumer.tasks.stopping() || (lost && !again)) {
            consumer.remember(key, {ending, std::move(reason)});
            break;
        }
        if (!again)
            co_await pause(backoff.next());
    }
    consumer.in_hand.erase(id);
}

Task<void> RabbitmqEventQueue::settle_again(Consumer& consumer, Incoming incoming, Consumer::Ended how)
{
    Copy copy(std::move(incoming.message));
    std::string key = copy.key();
    std::vector<Receipt> receipts(1, incoming.receipt);
    std::string failure;
    try {
        co_await settle_once(consumer.queue(), std::move(copy), std::move(receipts), how.ending, how.reason);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (failure.empty())
        consumer.remember(key, {Ending::acknowledged, ""});
    else
        log::warn("events", "cannot tell RabbitMQ how an event ended",
                  {{"queue", consumer.queue()}, {"error", failure}});
}

RabbitmqEventQueue::Next RabbitmqEventQueue::next_of(const std::string& queue, const Copy& copy, Ending ending,
                                                     const std::string& reason) const
{
    int attempts = copy.attempt();
    if (ending == Ending::given_back)
        return {broker_.name_of(queue), copy.again(attempts - 1)};
    Next next{"", copy.again(attempts)};
    if (attempts < retry().attempts_max && parse_event(copy.message.body)) {
        next.queue = broker_.retry_name(queue, delay_after(retry(), attempts));
        return next;
    }
    next.queue = broker_.dead_name(queue);
    next.message.headers.push_back({reason_header, reason.substr(0, reason_bytes_max)});
    next.message.headers.push_back({failed_at_header, to_unix_ms(clock_.now())});
    return next;
}

Task<void> RabbitmqEventQueue::settle_once(std::string queue, Copy copy, std::vector<Receipt> receipts, Ending ending,
                                           std::string reason)
{
    Next next;
    if (ending != Ending::acknowledged)
        next = next_of(queue, copy, ending, reason);
    auto start = [&](Session& session, Done done) {
        session.require_any(receipts);
        auto acknowledge = acknowledge_then(session, receipts, std::move(done));
        if (ending == Ending::acknowledged)
            acknowledge(nullptr);
        else
            session.publish("", next.queue, next.message, true, std::move(acknowledge));
    };
    co_await broker_.ask(std::move(start), ending != Ending::acknowledged);
}

// The same for one that is in the hold queue.
Task<void> RabbitmqEventQueue::settle_held(Consumer& consumer, Copy copy, Ending ending, std::string reason)
{
    Next next;
    if (ending != Ending::acknowledged)
        next = next_of(consumer.queue(), copy, ending, reason);
    auto start = [&](Session& session, Done done) {
        OwnChannel channel(session);
        auto got = take_message(session, channel.number(), hold_name(consumer), copy.message.id);
        auto tag = got ? std::optional(got->tag) : std::nullopt;
        auto acknowledge = acknowledge_then(channel, tag, std::move(done));
        if (ending == Ending::acknowledged)
            acknowledge(nullptr);
        else
            session.publish("", next.queue, next.message, true, std::move(acknowledge));
    };
    co_await broker_.ask(std::move(start), true);
}

// Moves one into the hold queue. There it counts as failed: when this process dies, its time there runs out, and it
// comes to somebody as the next attempt.
Task<void> RabbitmqEventQueue::hold(Consumer& consumer, std::string id)
{
    Consumer::InHand& in_hand = consumer.in_hand.at(id);  // stays: nobody settles it while it is busy
    auto receipts = in_hand.receipts;
    AmqpMessage message = in_hand.copy.again(in_hand.copy.attempt());
    auto start = [&](Session& session, Done done) {
        session.require_any(receipts);
        session.declare_hold_queue(hold_name(consumer), broker_.name_of(consumer.queue()));
        session.publish("", hold_name(consumer), message, true, acknowledge_then(session, receipts, std::move(done)));
    };
    std::string failure;
    try {
        co_await broker_.ask(std::move(start), true);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    in_hand.busy = false;
    if (!failure.empty()) {
        log::warn("events", "cannot hold an event that takes long; will try again",
                  {{"queue", consumer.queue()}, {"event", id}, {"error", failure}});
        co_return;
    }
    in_hand.held = true;
    consumer.renewed = std::chrono::steady_clock::now();
    std::erase_if(in_hand.receipts, [&](const Receipt& receipt) { return is_among(receipts, receipt); });
}

// Takes out all that is held and puts back, with its time from the start, what is still in hand.
Task<void> RabbitmqEventQueue::renew(Consumer& consumer)
{
    std::set<std::string> wanted;
    for (auto& [id, in_hand] : consumer.in_hand) {
        if (in_hand.held && !in_hand.busy) {
            in_hand.busy = true;
            wanted.insert(id);
        }
    }
    // The last of those who share it closes the channel and tells how it ended.
    struct All {
        All(Session& session, Done whole) : channel(session), done(std::move(whole)) {}
        ~All() { acknowledge_then(channel, std::nullopt, std::move(done))(error); }
        OwnChannel channel;
        Done done;
        std::exception_ptr error;
    };
    auto start = [&](Session& session, Done done) {
        auto all = std::make_shared<All>(session, std::move(done));
        std::vector<AmqpConnection::Got> taken;
        while (auto got = session.connection().get(all->channel.number(), hold_name(consumer)))
            taken.push_back(std::move(*got));
        for (AmqpConnection::Got& got : taken) {
            std::uint64_t tag = got.tag;
            if (!wanted.contains(got.message.id)) {
                all->channel.acknowledge(tag);
                continue;
            }
            auto confirmed = [all, tag](std::exception_ptr error) {
                if (error)
                    all->error = error;
                else
                    all->channel.acknowledge(tag);
            };
            Copy copy(std::move(got.message));
            session.publish("", hold_name(consumer), copy.again(copy.attempts), true, Done(std::move(confirmed)));
        }
    };
    std::string failure;
    try {
        co_await broker_.ask(std::move(start), true);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (!failure.empty())
        log::warn("events", "cannot hold events that take long any longer; will try again",
                  {{"queue", consumer.queue()}, {"error", failure}});
    for (const std::string& id : wanted)
        consumer.in_hand.at(id).busy = false;
}

Task<std::vector<DeadLetter>> RabbitmqEventQueue::dead_letters(std::size_t limit)
{
    std::vector<DeadLetter> letters;
    auto newer = [](const DeadLetter& a, const DeadLetter& b) { return a.failed_at > b.failed_at; };
    auto start = [&](Session& session, Done done) {
        for (const Binding& binding : bindings()) {
            std::uint16_t channel = session.open_channel();
            for (std::size_t i = 0; i < letters_read_max; ++i) {
                auto got = session.connection().get(channel, broker_.dead_name(binding.queue));
                if (!got)
                    break;
                letters.push_back(to_dead_letter(binding.queue, got->message));
                std::ranges::push_heap(letters, newer);  // the oldest is at the front
                if (letters.size() > limit) {
                    std::ranges::pop_heap(letters, newer);
                    letters.pop_back();
                }
            }
            session.close_channel(channel);
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
    if (!wanted)
        co_return false;
    bool found = false;
    auto start = [&](Session& session, Done done) {
        OwnChannel channel(session);
        auto got = take_message(session, channel.number(), broker_.dead_name(wanted->queue), wanted->event_id);
        found = got.has_value();
        if (found) {
            work(session, std::move(channel), std::move(*got), std::move(done));
            return;
        }
        channel.close();
        done(nullptr);
    };
    co_await broker_.ask(std::move(start), true);
    co_return found;
}

Task<std::optional<DeadLetter>> RabbitmqEventQueue::find_dead_letter(std::string id)
{
    std::optional<DeadLetter> letter;
    auto look = [&](Session&, OwnChannel channel, AmqpConnection::Got got, Done done) {
        letter = to_dead_letter(id.substr(0, id.find(':')), got.message);
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
        std::string target = broker_.name_of(id.substr(0, id.find(':')));
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
