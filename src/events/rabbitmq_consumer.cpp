// SPDX-License-Identifier: Apache-2.0
#include "events/rabbitmq_consumer.hpp"

#include "base/log.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <set>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t remembered_max = 1'000;
constexpr milliseconds settle_backoff_max{5'000};

bool is_among(const std::vector<Receipt>& receipts, const Receipt& receipt)
{
    return std::ranges::find(receipts, receipt) != receipts.end();
}

// Lets the others of this thread go on, also when the caller is cancelled: pause() would not.
Task<void> wait_for_others()
{
    asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds{20});
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

RabbitmqConsumer::RabbitmqConsumer(Broker& broker, const Clock& clock, const asio::any_io_executor& executor,
                                   std::string queue, std::size_t prefetch, EventQueue::Handle handle)
    : broker_(broker), clock_(clock), prefetch_(prefetch), handle_(std::move(handle)),
      waker_(std::make_shared<Waker>(executor)),
      subscription_(std::make_shared<Subscription>(std::move(queue), prefetch, waker_)),
      tasks_(executor, "events", 4 * prefetch + 16)
{
    GH_ASSERT(prefetch_ > 0);
    broker_.subscribe(subscription_);
}

// What the broker's thread has for this consumer ends when its coroutine's frame, and so its context, does.
RabbitmqConsumer::~RabbitmqConsumer() { broker_.unsubscribe(subscription_); }

Task<void> RabbitmqConsumer::run()
{
    // From here on a cancellation ends waits but throws nothing: what is in hand must come to an ending first.
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await dispatch();
    co_await stop_deliveries();  // first: what is given back must not come here again
    co_await tasks_.stop(milliseconds{0});
    co_await give_back_waiting();
    co_await asio::this_coro::throw_if_cancelled(throws);
}

void RabbitmqConsumer::remember(const std::string& key, Ended how)
{
    if (ended_.insert_or_assign(key, std::move(how)).second)
        order_.push_back(key);
    if (order_.size() > remembered_max) {
        ended_.erase(order_.front());
        order_.pop_front();
    }
}

// Returns when the coroutine is cancelled.
Task<void> RabbitmqConsumer::dispatch()
{
    while (true) {
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        sort_incoming();
        start_handlers();
        start_holding();
        std::optional<milliseconds> limit;
        if (!in_hand_.empty())
            limit = broker_.options().hold_after / 4;
        co_await waker_->wait(limit);
    }
}

void RabbitmqConsumer::sort_incoming()
{
    std::deque<Incoming> incoming;
    {
        std::scoped_lock lock(subscription_->mutex);
        incoming.swap(subscription_->incoming);
    }
    for (Incoming& one : incoming) {
        const std::string id = one.message.id;
        if (auto known = in_hand_.find(id); known != in_hand_.end()) {
            auto is_old = [&](const Receipt& receipt) { return receipt.generation != one.receipt.generation; };
            std::erase_if(known->second.receipts, is_old);
            known->second.receipts.push_back(one.receipt);
            continue;
        }
        Copy copy(one.message);
        if (auto over = ended_.find(copy.key()); over != ended_.end()) {
            tasks_.spawn(settle_again(std::move(one), over->second));
            continue;
        }
        in_hand_.emplace(id, InHand{.copy = std::move(copy), .receipts = {one.receipt}});
        waiting_.push_back(id);
    }
}

void RabbitmqConsumer::start_handlers()
{
    while (running_ < prefetch_ && !waiting_.empty()) {
        ++running_;
        auto& in_hand = in_hand_.at(waiting_.front());
        in_hand.running = true;
        in_hand.since = std::chrono::steady_clock::now();
        GH_ASSERT(tasks_.spawn(handle_one(waiting_.front())));
        waiting_.pop_front();
    }
}

// The broker takes a consumer that acknowledges nothing for half an hour for broken. What takes longer than that is
// moved into a queue of this consumer's own, where nobody else sees it as long as it is put there again from time to
// time.
void RabbitmqConsumer::start_holding()
{
    auto now = std::chrono::steady_clock::now();
    bool any_held = false;
    for (auto& [id, in_hand] : in_hand_) {
        any_held = any_held || in_hand.held;
        if (!in_hand.running || in_hand.held || in_hand.busy || now - in_hand.since < broker_.options().hold_after)
            continue;
        in_hand.busy = true;
        if (!tasks_.spawn(hold(id)))
            in_hand.busy = false;
    }
    if (!any_held || now - renewed_ < broker_.options().hold_after / 2)
        return;
    renewed_ = now;
    tasks_.spawn(renew());
}

Task<void> RabbitmqConsumer::stop_deliveries()
{
    if (!broker_.ready())
        co_return;
    auto stop = [&](Session& session, Done done) {
        session.stop_deliveries(*subscription_);
        done(nullptr);
    };
    try {
        co_await broker_.ask(std::move(stop), false);
    } catch (const Unavailable&) {
        // Nothing comes by a connection that is lost.
    }
}

// What has not begun goes to the end of its queue as it is, so that no attempt is counted.
Task<void> RabbitmqConsumer::give_back_waiting()
{
    sort_incoming();
    std::string failure;
    try {
        while (!waiting_.empty()) {
            auto one = in_hand_.extract(waiting_.front());
            waiting_.pop_front();
            InHand in_hand = std::move(one.mapped());
            co_await settle_once(std::move(in_hand.copy), std::move(in_hand.receipts), Ending::given_back, "");
        }
    } catch (const std::exception& error) {
        failure = error.what();
    }
    // Then the broker gives them to somebody else by itself, and counts an attempt.
    if (!failure.empty())
        log::warn("events", "events could not be given back", {{"queue", subscription_->queue}, {"error", failure}});
}

Task<void> RabbitmqConsumer::handle_one(std::string id)
{
    const Copy& copy = in_hand_.at(id).copy;
    const int attempt = copy.attempt();
    std::string failure;
    auto ending = Ending::acknowledged;
    auto event = parse_event(copy.message.body);
    if (!event) {
        ending = Ending::failed;
        failure = "it is no event: " + event.error();
    } else if (attempt > broker_.options().retry.attempts_max + 1) {
        ending = Ending::failed;
        failure = "the program ended each time while handling it";
    } else {
        bool threw = true;
        try {
            auto handling = handle_(Delivery{.event = *event, .attempt = attempt});
            co_await std::move(handling);
            threw = false;
        } catch (const std::exception& error) {
            failure = error.what();
        } catch (...) {
            failure = "unknown exception";
        }
        if (threw)
            ending = tasks_.stopping() ? Ending::given_back : Ending::failed;
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    if (ending == Ending::failed)
        log::warn("events", "an event's handler failed",
                  {{"queue", subscription_->queue},
                   {"event", copy.message.id},
                   {"type", copy.message.type},
                   {"attempt", attempt},
                   {"attempts_max", broker_.options().retry.attempts_max},
                   {"error", failure}});
    co_await settle(std::move(id), ending, std::move(failure));
    --running_;
    waker_->wake();
}

// Tells the broker how a copy ended. When the connection that it came by is lost, the broker delivers it again, here or
// elsewhere; here the ending is known by then.
Task<void> RabbitmqConsumer::settle(std::string id, Ending ending, std::string reason)
{
    Backoff backoff(settle_backoff_max);
    InHand& in_hand = in_hand_.at(id);
    const std::string key = in_hand.copy.key();
    while (true) {
        while (in_hand.busy)
            co_await wait_for_others();
        in_hand.busy = true;
        const bool held = in_hand.held;
        const auto receipts = in_hand.receipts;
        auto is_settled = [&](const Receipt& receipt) { return is_among(receipts, receipt); };
        std::string failure;
        try {
            if (held)
                co_await settle_held(in_hand.copy, ending, reason);
            else
                co_await settle_once(in_hand.copy, receipts, ending, reason);
        } catch (const std::exception& error) {
            failure = error.what();
        }
        in_hand.busy = false;
        if (failure.empty()) {
            remember(key, {Ending::acknowledged, ""});
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
                  {{"queue", subscription_->queue}, {"event", id}, {"error", failure}});
        bool again = in_hand.receipts != receipts;
        bool lost = !held && (receipts.empty() || receipts.back().generation != broker_.generation());
        if (tasks_.stopping() || (lost && !again)) {
            remember(key, {ending, std::move(reason)});
            break;
        }
        if (!again)
            co_await pause(backoff.next());
    }
    in_hand_.erase(id);
}

Task<void> RabbitmqConsumer::settle_again(Incoming incoming, Ended how)
{
    Copy copy(std::move(incoming.message));
    std::string key = copy.key();
    std::vector<Receipt> receipts(1, incoming.receipt);
    std::string failure;
    try {
        co_await settle_once(std::move(copy), std::move(receipts), how.ending, how.reason);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (failure.empty())
        remember(key, {Ending::acknowledged, ""});
    else
        log::warn("events", "cannot tell RabbitMQ how an event ended",
                  {{"queue", subscription_->queue}, {"error", failure}});
}

RabbitmqConsumer::Next RabbitmqConsumer::next_of(const Copy& copy, Ending ending, const std::string& reason) const
{
    int attempts = copy.attempt();
    if (ending == Ending::given_back)
        return {broker_.name_of(subscription_->queue), copy.again(attempts - 1)};
    Next next{"", copy.again(attempts)};
    if (attempts < broker_.options().retry.attempts_max && parse_event(copy.message.body)) {
        next.queue = broker_.retry_name(subscription_->queue, delay_after(broker_.options().retry, attempts));
        return next;
    }
    return {broker_.dead_name(subscription_->queue), copy.dead(reason, clock_.now())};
}

Task<void> RabbitmqConsumer::settle_once(Copy copy, std::vector<Receipt> receipts, Ending ending, std::string reason)
{
    Next next;
    if (ending != Ending::acknowledged)
        next = next_of(copy, ending, reason);
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
Task<void> RabbitmqConsumer::settle_held(Copy copy, Ending ending, std::string reason)
{
    Next next;
    if (ending != Ending::acknowledged)
        next = next_of(copy, ending, reason);
    auto start = [&](Session& session, Done done) {
        OwnChannel channel(session);
        auto got = take_message(session, channel.number(), hold_name(), copy.message.id);
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
Task<void> RabbitmqConsumer::hold(std::string id)
{
    InHand& in_hand = in_hand_.at(id);  // stays: nobody settles it while it is busy
    auto receipts = in_hand.receipts;
    AmqpMessage message = in_hand.copy.again(in_hand.copy.attempt());
    auto start = [&](Session& session, Done done) {
        session.require_any(receipts);
        session.declare_hold_queue(hold_name(), broker_.name_of(subscription_->queue));
        session.publish("", hold_name(), message, true, acknowledge_then(session, receipts, std::move(done)));
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
                  {{"queue", subscription_->queue}, {"event", id}, {"error", failure}});
        co_return;
    }
    in_hand.held = true;
    renewed_ = std::chrono::steady_clock::now();
    std::erase_if(in_hand.receipts, [&](const Receipt& receipt) { return is_among(receipts, receipt); });
}

// Takes out all that is held and puts back, with its time from the start, what is still in hand.
Task<void> RabbitmqConsumer::renew()
{
    std::set<std::string> wanted;
    for (auto& [id, in_hand] : in_hand_) {
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
        while (auto got = session.connection().get(all->channel.number(), hold_name()))
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
            session.publish("", hold_name(), copy.again(copy.attempts), true, Done(std::move(confirmed)));
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
                  {{"queue", subscription_->queue}, {"error", failure}});
    for (const std::string& id : wanted)
        in_hand_.at(id).busy = false;
}

}  // namespace gatehouse::events
