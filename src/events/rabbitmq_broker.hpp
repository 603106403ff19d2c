// SPDX-License-Identifier: Apache-2.0
// RabbitMQ as the event queue needs it: a thread that owns the connection, makes it again whenever it is lost, declares
// the topology each time, and does what others ask of it.
//
// The topology, with "gatehouse" for the prefix and for each queue of the table of bindings:
//
//   gatehouse.events            durable topic exchange; routing key = type of the event
//   gatehouse.worker            quorum queue, bound by the types it receives
//   gatehouse.worker.retry.1000 quorum queue; what was put there goes back to gatehouse.worker after 1000 ms
//   gatehouse.worker.dead       quorum queue of the dead letters
#pragma once

#include "base/log.hpp"
#include "base/task.hpp"
#include "base/unique_fd.hpp"
#include "base/waker.hpp"
#include "events/amqp_connection.hpp"
#include "events/event_queue.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::events {

// A delivery that must be acknowledged, on the connection that it came by.
struct Receipt {
    std::uint64_t generation = 0;
    std::uint16_t channel = 0;
    std::uint64_t tag = 0;
    bool operator==(const Receipt&) const = default;
};

struct Incoming {
    Receipt receipt;
    AmqpMessage message;
};

// A consumer as the broker's thread sees it. What comes is put into `incoming`, and the consumer woken, as long as it
// is open: its context may end once it has closed it.
struct Subscription {
    Subscription(std::string from, std::size_t at_once, std::shared_ptr<Waker> consumer)
        : queue(std::move(from)), prefetch(at_once), waker(std::move(consumer))
    {
    }

    const std::string queue;
    const std::size_t prefetch;
    const std::shared_ptr<Waker> waker;

    std::mutex mutex;
    bool open = true;
    std::deque<Incoming> incoming;
};

// Tells whoever asked how it ended, exactly once: when nobody has said anything, that the connection was lost.
class Done final {
public:
    using Tell = std::move_only_function<void(std::exception_ptr)>;

    Done() = default;
    explicit Done(Tell tell) : tell_(std::move(tell)) {}
    Done(Done&& other) noexcept : tell_(std::exchange(other.tell_, nullptr)) {}
    Done& operator=(Done&& other) noexcept
    {
        std::swap(tell_, other.tell_);
        return *this;
    }
    ~Done();

    void operator()(std::exception_ptr outcome)
    {
        if (auto tell = std::exchange(tell_, nullptr))
            tell(std::move(outcome));
    }

private:
    Tell tell_;
};

class Broker;

// One connection, with the topology declared. On the broker's thread, inside of what Broker::ask() was given.
class Session final {
public:
    Session(const Broker& broker, std::uint64_t generation);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Calls `done` when the message is safe in every queue that it belongs to, or an exception when it is in none.
    // `exchange` may be "" (then `key` is a queue).
    void publish(const std::string& exchange, const std::string& key, const AmqpMessage& message, bool must_be_routed,
                 Done done);

    // False when it is of another connection, and nothing can be done with it any more.
    bool owns(const Receipt& receipt) const { return receipt.generation == generation_; }
    void acknowledge(const Receipt& receipt);  // REQUIRES: owns(receipt)
    // Leaves those that are of this connection; throws Unavailable when none is.
    void require_any(std::vector<Receipt>& receipts) const;

    // A channel of one's own; closing it gives back what was not acknowledged there.
    std::uint16_t open_channel();
    void close_channel(std::uint16_t channel) { connection_.close_channel(channel); }

    // A consumer's own: what is put there goes to `target` when its time is over, and the queue itself goes later.
    void declare_hold_queue(const std::string& name, const std::string& target);

    AmqpConnection& connection() { return connection_; }
    std::size_t unacknowledged(const std::string& queue) const;

    // No more deliveries to it, and what was on its way is there.
    void stop_deliveries(const Subscription& subscription);

    bool blocked() const { return blocked_; }
    void read_all();
    void check_confirms() const;  // throws ConnectionLost when one is late
    void match(const std::vector<std::shared_ptr<Subscription>>& wanted);

private:
    struct Unconfirmed {
        Done done;
        std::string message_id;
        bool must_be_routed;
        bool returned;
        std::chrono::steady_clock::time_point deadline;
    };
    struct Channel {
        std::shared_ptr<Subscription> subscription;
        std::size_t unacknowledged = 0;
        bool cancelled = false;
    };

    void declare();
    void take(Delivered delivered);
    void take(const Confirmed& confirmed);
    void take(const Returned& returned);
    void take(const Blocked& blocked) { blocked_ = blocked.blocked; }
    void confirm(std::uint64_t sequence, bool accepted);

    const Broker& broker_;
    const std::uint64_t generation_;
    AmqpConnection connection_;
    std::uint16_t last_channel_ = 1;
    std::uint64_t last_sequence_ = 0;
    std::map<std::uint64_t, Unconfirmed> unconfirmed_;
    std::map<std::uint16_t, Channel> consumers_;
    bool blocked_ = false;
};

class Broker final {
public:
    struct Options {
        AmqpUrl url;
        std::string prefix;
        Retry retry;
        // How long an event is handled before it is moved aside; well below the half hour after which the broker takes
        // a consumer for broken.
        std::chrono::milliseconds hold_after{std::chrono::minutes{10}};
    };

    using Start = std::move_only_function<void(Session&, Done)>;

    explicit Broker(Options options);
    ~Broker() { halt(); }
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    // Runs `start` on the broker's thread and resumes the caller on its executor when `Done` has been called, with that
    // exception. Waits five seconds for a connection, then throws Unavailable; also when too many wait already, or the
    // connection is lost before Done was called: then nobody knows what happened. `publishes`: waits while the broker
    // takes nothing.
    Task<void> ask(Start start, bool publishes);

    void subscribe(std::shared_ptr<Subscription> subscription);
    void unsubscribe(const std::shared_ptr<Subscription>& subscription);

    bool ready() const { return ready_; }
    std::uint64_t generation() const { return generation_; }  // of the connection that is, or was last
    const Options& options() const { return options_; }

    // Closes the connection as it is and ends the thread; whoever waits gets Unavailable.
    void halt();

    std::string name_of(const std::string& queue) const { return options_.prefix + "." + queue; }
    std::string dead_name(const std::string& queue) const { return name_of(queue) + ".dead"; }
    std::string retry_name(const std::string& queue, std::chrono::milliseconds delay) const;
    std::vector<std::chrono::milliseconds> delays() const;

private:
    struct Request {
        Start start;
        Done done;
        std::chrono::steady_clock::time_point deadline;
        bool publishes;
    };

    void submit(Request request);
    void work();
    void serve(Session& session);
    void start_requests(Session& session);
    void update_subscriptions(Session& session);
    void fail_late_requests();
    void fail_all(const char* why);
    void wait(int descriptor, std::chrono::milliseconds limit);
    void wake();

    const Options options_;
    std::atomic<bool> ready_{false};
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<bool> halted_{false};
    UniqueFd event_;  // readable when something was asked

    std::mutex mutex_;
    std::deque<Request> requests_;
    std::vector<std::shared_ptr<Subscription>> subscriptions_;

    std::thread thread_;  // the last member: it uses all others
};

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

// Takes messages out of a queue until it is the one with that id.
std::optional<AmqpConnection::Got> take_message(Session& session, std::uint16_t channel, const std::string& queue,
                                                const std::string& id);

// A Done that acknowledges what an event came by, when what is to be done before that is done; then it tells `done`.
Done acknowledge_then(Session& session, std::vector<Receipt> receipts, Done done);
Done acknowledge_then(OwnChannel channel, std::optional<std::uint64_t> tag, Done done);  // and closes the channel

// How many messages of a queue are looked at to find one.
inline constexpr std::size_t messages_read_max = 10'000;

}  // namespace gatehouse::events
