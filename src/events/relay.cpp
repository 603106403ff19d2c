// SPDX-License-Identifier: Apache-2.0
#include "events/relay.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/waker.hpp"

namespace gatehouse::events {

namespace {

constexpr std::size_t batch_max = 64;
constexpr std::chrono::milliseconds idle_wait{1'000};
constexpr std::chrono::milliseconds backoff_max{5'000};

// What became of a batch: the ids that the queue has for good, and why it does not have all.
struct Published {
    std::vector<std::string> ids;
    std::string failure;
};

Task<Published> publish_all(EventQueue& queue, std::vector<Event> events)
{
    Published published;
    for (Event& event : events) {
        std::string id = event.id;
        bool away = false;
        try {
            co_await queue.publish(std::move(event));
        } catch (const std::invalid_argument& e) {
            log::error("events", "an event that cannot be announced is dropped", {{"event", id}, {"error", e.what()}});
        } catch (const std::exception& e) {
            away = true;
            published.failure = e.what();
        }
        if (away)
            break;  // the others would fare no better
        published.ids.push_back(std::move(id));
    }
    co_return published;
}

}  // namespace

struct Relay::State {
    State(Outbox from, EventQueue& to) : outbox(std::move(from)), queue(to) {}

    Outbox outbox;
    EventQueue& queue;

    WakerPlace sleeper;  // while run() runs

    // Sends one batch; true when there is more. Throws Unavailable when part of it could not be sent.
    Task<bool> send_batch();
};

Task<bool> Relay::State::send_batch()
{
    auto events = co_await outbox.read(batch_max);
    if (events.empty())
        co_return false;
    bool full = events.size() >= batch_max;
    auto published = co_await publish_all(queue, std::move(events));
    if (!published.ids.empty())
        co_await outbox.clear(std::move(published.ids));
    if (!published.failure.empty())
        throw Unavailable(published.failure);
    co_return full;
}

Relay::Relay(Outbox outbox, EventQueue& queue) : state_(std::make_shared<State>(std::move(outbox), queue)) {}

Relay::~Relay() = default;

void Relay::notify() { state_->sleeper.wake(); }

Task<void> Relay::run()
{
    auto state = state_;
    auto waker = std::make_shared<Waker>(co_await asio::this_coro::executor);
    WakerPlace::Occupied occupied(state->sleeper, waker);
    Backoff backoff(backoff_max);
    while (true) {
        bool more = false;
        std::string failure;
        try {
            more = co_await state->send_batch();
        } catch (const std::exception& e) {
            failure = e.what();
        }
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        if (!failure.empty()) {
            // Whatever it is, giving up would leave events unannounced until the next start.
            log::error("events", "cannot announce; will try again",
                       {{"outbox", state->outbox.name}, {"error", failure}});
            co_await pause(backoff.next());
            continue;
        }
        backoff.reset();
        if (!more)
            co_await waker->wait(idle_wait);
    }
}

}  // namespace gatehouse::events
