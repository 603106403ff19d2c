// SPDX-License-Identifier: Apache-2.0
#include "events/rabbitmq_broker.hpp"

#include "base/random.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>

namespace gatehouse::events {

namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t requests_max = 4096;
constexpr std::chrono::seconds start_time_max{5};
constexpr std::chrono::seconds confirm_time_max{15};
constexpr milliseconds backoff_max{5'000};
constexpr milliseconds look_interval{250};  // for requests that have waited too long, while there is no connection
constexpr std::uint16_t publish_channel = 1;

// Attempts are counted by the consumers. These are only what keeps a message from going round for ever if they do not.
constexpr std::int64_t delivery_limit = 1'000;
constexpr std::int64_t no_delivery_limit = 1'000'000'000;  // RabbitMQ 4 has one of 20 by default

// Between half of it and all of it.
milliseconds jittered(milliseconds delay)
{
    std::string bytes = random_bytes(2);
    auto share = static_cast<unsigned char>(bytes[0]);
    return delay / 2 + delay / 2 * share / 255;
}

AmqpTable quorum_queue(std::int64_t limit) { return {{"x-queue-type", "quorum"}, {"x-delivery-limit", limit}}; }

// What leaves such a queue has arrived in `target` first.
void add_dead_lettering(AmqpTable& arguments, const std::string& target)
{
    arguments.push_back({"x-dead-letter-exchange", ""});
    arguments.push_back({"x-dead-letter-routing-key", target});
    arguments.push_back({"x-dead-letter-strategy", "at-least-once"});
    arguments.push_back({"x-overflow", "reject-publish"});
}

std::exception_ptr unavailable(const std::string& why)
{
    return std::make_exception_ptr(Unavailable("RabbitMQ: " + why));
}

}  // namespace

Done::~Done() { (*this)(unavailable("the connection was lost before the broker answered")); }

Broker::Broker(Options options)
    : options_(std::move(options)), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { work(); })
{
    pthread_setname_np(thread_.native_handle(), "rabbitmq");
}

std::string Broker::retry_name(const std::string& queue, milliseconds delay) const
{
    return fmt::format("{}.retry.{}", name_of(queue), delay.count());
}

std::vector<milliseconds> Broker::delays() const
{
    std::vector<milliseconds> delays;
    for (int attempt = 1; attempt <= options_.retry.attempts_max; ++attempt) {
        auto delay = delay_after(options_.retry, attempt);
        if (delays.empty() || delays.back() != delay)
            delays.push_back(delay);
    }
    return delays;
}

Task<void> Broker::ask(Start start, bool publishes)
{
    std::exception_ptr error;
    auto initiate = [&](auto handler) {
        auto executor = asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
        Request request{.start = std::move(start),
                        .done = {},
                        .deadline = SteadyClock::now() + start_time_max,
                        .publishes = publishes};
        request.done = Done([&error, executor, handler = std::move(handler)](std::exception_ptr outcome) mutable {
            error = std::move(outcome);
            // The caller may end its context as soon as it has the result: nothing here touches it after the post.
            auto plain = asio::prefer(executor, asio::execution::outstanding_work.untracked);
            asio::post(plain,
                       [work = std::move(executor), handler = std::move(handler)]() mutable { std::move(handler)(); });
        });
        submit(std::move(request));
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate, asio::use_awaitable);
    if (error)
        std::rethrow_exception(error);
}

void Broker::submit(Request request)
{
    {
        std::scoped_lock lock(mutex_);
        if (!halted_ && requests_.size() < requests_max) {
            requests_.push_back(std::move(request));
            wake();
            return;
        }
    }
    request.done(unavailable(halted_ ? "stopped" : "too much waits for it"));
}

void Broker::subscribe(std::shared_ptr<Subscription> subscription)
{
    {
        std::scoped_lock lock(mutex_);
        subscriptions_.push_back(std::move(subscription));
    }
    wake();
}

void Broker::unsubscribe(const std::shared_ptr<Subscription>& subscription)
{
    {
        std::scoped_lock lock(subscription->mutex);
        subscription->open = false;
        subscription->incoming.clear();
    }
    {
        std::scoped_lock lock(mutex_);
        std::erase(subscriptions_, subscription);
    }
    wake();
}

void Broker::halt()
{
    {
        std::scoped_lock lock(mutex_);
        halted_ = true;
    }
    wake();
    if (thread_.joinable())
        thread_.join();
}

void Broker::wake()
{
    std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(event_.get(), &one, sizeof one);  // it cannot fail but by being full
}

void Broker::wait(int descriptor, milliseconds limit)
{
    std::array<pollfd, 2> watched{
        {{.fd = event_.get(), .events = POLLIN, .revents = 0}, {.fd = descriptor, .events = POLLIN, .revents = 0}}};
    ::poll(watched.data(), descriptor < 0 ? 1 : 2, static_cast<int>(limit.count()));
    std::uint64_t count = 0;
    [[maybe_unused]] auto taken = ::read(event_.get(), &count, sizeof count);
}

void Broker::work()
{
    Backoff backoff(backoff_max);
    while (!halted_) {
        std::string failure;
        try {
            Session session(*this, generation_ + 1);
            ++generation_;
            ready_ = true;
            backoff.reset();
            log::info("events", "connected to RabbitMQ", {{"broker", options_.url.authority()}});
            serve(session);
        } catch (const std::exception& error) {
            failure = error.what();
        }
        ready_ = false;
        if (halted_)
            break;
        auto delay = jittered(backoff.next());
        log::warn("events", "no connection to RabbitMQ; will try again",
                  {{"error", failure}, {"milliseconds", delay.count()}});
        for (auto end = SteadyClock::now() + delay; !halted_ && SteadyClock::now() < end;) {
            wait(-1, std::min(look_interval, std::chrono::ceil<milliseconds>(end - SteadyClock::now())));
            fail_late_requests();
        }
    }
    fail_all("stopped");
}

// Until it is halted; the end of the connection comes out as ConnectionLost.
void Broker::serve(Session& session)
{
    while (!halted_) {
        session.read_all();
        session.check_confirms();
        update_subscriptions(session);
        start_requests(session);
        fail_late_requests();
        // What was asked for may have brought frames along that are in memory already.
        session.read_all();
        wait(session.connection().descriptor(), session.connection().idle_max());
    }
}

void Broker::update_subscriptions(Session& session)
{
    std::vector<std::shared_ptr<Subscription>> wanted;
    {
        std::scoped_lock lock(mutex_);
        wanted = subscriptions_;
    }
    session.match(wanted);
}

void Broker::start_requests(Session& session)
{
    std::deque<Request> ready;
    {
        std::scoped_lock lock(mutex_);
        auto may_start = [&](const Request& request) { return !request.publishes || !session.blocked(); };
        for (auto request = requests_.begin(); request != requests_.end();) {
            if (may_start(*request)) {
                ready.push_back(std::move(*request));
                request = requests_.erase(request);
            } else {
                ++request;
            }
        }
    }
    while (!ready.empty()) {
        Request request = std::move(ready.front());
        ready.pop_front();
        try {
            request.start(session, std::move(request.done));
        } catch (...) {
            std::scoped_lock lock(mutex_);
            requests_.insert(requests_.begin(), std::move_iterator(ready.begin()), std::move_iterator(ready.end()));
            throw;
        }
    }
}

void Broker::fail_late_requests()
{
    std::vector<Request> late;
    {
        std::scoped_lock lock(mutex_);
        auto now = SteadyClock::now();
        for (auto request = requests_.begin(); request != requests_.end();) {
            if (request->deadline <= now) {
                late.push_back(std::move(*request));
                request = requests_.erase(request);
            } else {
                ++request;
            }
        }
    }
    for (Request& request : late)
        request.done(unavailable(ready_ ? "it takes no messages for now" : "not connected"));
}

void Broker::fail_all(const char* why)
{
    std::deque<Request> all;
    {
        std::scoped_lock lock(mutex_);
        all.swap(requests_);
    }
    for (Request& request : all)
        request.done(unavailable(why));
}

Session::Session(const Broker& broker, std::uint64_t generation)
    : broker_(broker), generation_(generation), connection_(broker.options().url)
{
    connection_.open_channel(publish_channel);
    declare();
    connection_.select_confirms(publish_channel);
}

void Session::declare()
{
    std::string exchange = broker_.name_of("events");
    connection_.declare_topic_exchange(publish_channel, exchange);
    for (const Binding& binding : bindings()) {
        std::string name = broker_.name_of(binding.queue);
        std::string dead = broker_.dead_name(binding.queue);
        connection_.declare_queue(publish_channel, dead, quorum_queue(no_delivery_limit));
        AmqpTable work = quorum_queue(delivery_limit);
        add_dead_lettering(work, dead);
        connection_.declare_queue(publish_channel, name, work);
        for (milliseconds delay : broker_.delays()) {
            AmqpTable retry = quorum_queue(no_delivery_limit);
            retry.push_back({"x-message-ttl", std::int64_t{delay.count()}});
            add_dead_lettering(retry, name);
            connection_.declare_queue(publish_channel, broker_.retry_name(binding.queue, delay), retry);
        }
        for (const std::string& type : binding.types)
            connection_.bind(publish_channel, name, exchange, type);
    }
}

void Session::declare_hold_queue(const std::string& name, const std::string& target)
{
    milliseconds after = broker_.options().hold_after;
    AmqpTable arguments = quorum_queue(no_delivery_limit);
    arguments.push_back({"x-message-ttl", std::int64_t{(after * 3 / 2).count()}});
    arguments.push_back({"x-expires", std::int64_t{(after * 6).count()}});
    add_dead_lettering(arguments, target);
    connection_.declare_queue(publish_channel, name, arguments);
}

void Session::publish(const std::string& exchange, const std::string& key, const AmqpMessage& message,
                      bool must_be_routed, Done done)
{
    // First the place to remember it, so that `done` is called whatever happens.
    auto [entry, added] =
        unconfirmed_.emplace(++last_sequence_, Unconfirmed{.done = std::move(done),
                                                           .message_id = message.id,
                                                           .must_be_routed = must_be_routed,
                                                           .returned = false,
                                                           .deadline = SteadyClock::now() + confirm_time_max});
    GH_ASSERT(added);
    connection_.publish(publish_channel, exchange, key, message);
}

void Session::acknowledge(const Receipt& receipt)
{
    GH_ASSERT(owns(receipt));
    connection_.acknowledge(receipt.channel, receipt.tag);
    auto consumer = consumers_.find(receipt.channel);
    if (consumer != consumers_.end() && consumer->second.unacknowledged > 0)
        --consumer->second.unacknowledged;
}

void Session::require_any(std::vector<Receipt>& receipts) const
{
    std::erase_if(receipts, [this](const Receipt& receipt) { return !owns(receipt); });
    if (receipts.empty())
        throw Unavailable("RabbitMQ: the connection that the event came by is lost");
}

std::uint16_t Session::open_channel()
{
    // A few are open at a time; numbers come round after two thousand.
    constexpr std::uint16_t channel_max = 2'000;
    do
        last_channel_ = last_channel_ >= channel_max ? publish_channel + 1 : last_channel_ + 1;
    while (consumers_.contains(last_channel_));
    connection_.open_channel(last_channel_);
    return last_channel_;
}

std::size_t Session::unacknowledged(const std::string& queue) const
{
    std::size_t count = 0;
    for (const auto& [channel, consumer] : consumers_) {
        if (consumer.subscription->queue == queue)
            count += consumer.unacknowledged;
    }
    return count;
}

void Session::stop_deliveries(const Subscription& subscription)
{
    for (auto& [channel, consumer] : consumers_) {
        if (consumer.subscription.get() != &subscription || consumer.cancelled)
            continue;
        connection_.cancel(channel, broker_.name_of(subscription.queue));
        consumer.cancelled = true;
    }
    read_all();
}

void Session::match(const std::vector<std::shared_ptr<Subscription>>& wanted)
{
    for (auto consumer = consumers_.begin(); consumer != consumers_.end();) {
        if (std::ranges::find(wanted, consumer->second.subscription) == wanted.end()) {
            connection_.close_channel(consumer->first);
            consumer = consumers_.erase(consumer);
        } else {
            ++consumer;
        }
    }
    for (const auto& subscription : wanted) {
        auto is_it = [&](const auto& entry) { return entry.second.subscription == subscription; };
        if (std::ranges::any_of(consumers_, is_it))
            continue;
        std::uint16_t channel = open_channel();
        consumers_[channel].subscription = subscription;
        auto prefetch = static_cast<std::uint16_t>(std::min<std::size_t>(subscription->prefetch, 65'535));
        connection_.consume(channel, broker_.name_of(subscription->queue), prefetch);
    }
}

void Session::read_all()
{
    while (auto said = connection_.read())
        std::visit([this](auto& what) { take(std::move(what)); }, *said);
}

void Session::take(Delivered delivered)
{
    auto consumer = consumers_.find(delivered.channel);
    if (consumer == consumers_.end())
        return;  // its channel is closed: the broker has it back
    ++consumer->second.unacknowledged;
    Subscription& subscription = *consumer->second.subscription;
    std::scoped_lock lock(subscription.mutex);
    if (!subscription.open)
        return;
    Receipt receipt{.generation = generation_, .channel = delivered.channel, .tag = delivered.tag};
    subscription.incoming.push_back({receipt, std::move(delivered.message)});
    subscription.waker->wake();
}

void Session::take(const Returned& returned)
{
    for (auto& [sequence, waiting] : unconfirmed_) {
        if (waiting.message_id == returned.message_id)
            waiting.returned = true;
    }
}

void Session::take(const Confirmed& confirmed)
{
    if (!confirmed.multiple) {
        confirm(confirmed.tag, confirmed.accepted);
        return;
    }
    while (!unconfirmed_.empty() && unconfirmed_.begin()->first <= confirmed.tag)
        confirm(unconfirmed_.begin()->first, confirmed.accepted);
}

void Session::confirm(std::uint64_t sequence, bool accepted)
{
    auto entry = unconfirmed_.extract(sequence);
    if (!entry)
        return;
    Unconfirmed& waiting = entry.mapped();
    if (!accepted)
        waiting.done(unavailable("the broker refused a message"));
    else if (waiting.returned && waiting.must_be_routed)
        waiting.done(unavailable("a message has no queue to go to"));
    else
        waiting.done(nullptr);
    // Somebody deleted a queue: the next connection declares it again.
    if (accepted && waiting.returned && waiting.must_be_routed)
        throw ConnectionLost("RabbitMQ: a queue is gone");
}

void Session::check_confirms() const
{
    if (!unconfirmed_.empty() && !blocked_ && unconfirmed_.begin()->second.deadline < SteadyClock::now())
        throw ConnectionLost("RabbitMQ: the broker does not confirm what it got");
}

std::optional<AmqpConnection::Got> take_message(Session& session, std::uint16_t channel, const std::string& queue,
                                                const std::string& id)
{
    for (std::size_t i = 0; i < messages_read_max; ++i) {
        auto got = session.connection().get(channel, queue);
        if (!got || got->message.id == id)
            return got;
    }
    return std::nullopt;
}

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

}  // namespace gatehouse::events
