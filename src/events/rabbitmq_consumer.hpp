// SPDX-License-Identifier: Apache-2.0
// One consumer of a queue on RabbitMQ: what EventQueue::consume() is for it. Lives in its coroutine's frame, on its
// thread.
//
// A failed attempt puts a copy with a higher number into a retry queue (or, the last one, among the dead letters), and
// acknowledges the old copy when the broker has the new one for good. Whatever is lost in between, the event comes
// again; it is never in no queue.
#pragma once

#include "base/id.hpp"
#include "base/task_group.hpp"
#include "events/rabbitmq_broker.hpp"
#include "events/rabbitmq_message.hpp"

#include <unordered_map>

namespace gatehouse::events {

class RabbitmqConsumer final {
public:
    RabbitmqConsumer(Broker& broker, const Clock& clock, const asio::any_io_executor& executor, std::string queue,
                     std::size_t prefetch, EventQueue::Handle handle);
    ~RabbitmqConsumer();
    RabbitmqConsumer(const RabbitmqConsumer&) = delete;
    RabbitmqConsumer& operator=(const RabbitmqConsumer&) = delete;

    // Until it is cancelled; then what is in hand comes to an ending first.
    Task<void> run();

private:
    enum class Ending { acknowledged, failed, given_back };

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

    Task<void> dispatch();
    void sort_incoming();
    void start_handlers();
    void start_holding();
    Task<void> stop_deliveries();
    Task<void> give_back_waiting();
    Task<void> handle_one(std::string id);
    Task<void> settle(std::string id, Ending ending, std::string reason);
    Task<void> settle_again(Incoming incoming, Ended how);
    Task<void> settle_once(Copy copy, std::vector<Receipt> receipts, Ending ending, std::string reason);
    Task<void> settle_held(Copy copy, Ending ending, std::string reason);
    Task<void> hold(std::string id);
    Task<void> renew();
    void remember(const std::string& key, Ended how);

    // Where a copy goes that ended so, and as what. Not for acknowledged ones.
    struct Next {
        std::string queue;
        AmqpMessage message;
    };
    Next next_of(const Copy& copy, Ending ending, const std::string& reason) const;
    std::string hold_name() const { return broker_.name_of(subscription_->queue) + ".hold." + id_; }

    Broker& broker_;
    const Clock& clock_;
    const std::size_t prefetch_;
    EventQueue::Handle handle_;
    std::shared_ptr<Waker> waker_;
    std::shared_ptr<Subscription> subscription_;
    std::deque<std::string> waiting_;        // ids of those in hand that have not begun
    std::map<std::string, InHand> in_hand_;  // by the event's id
    std::size_t running_ = 0;
    // Copies that have ended are known for a while, because one whose acknowledgement was lost comes again.
    std::unordered_map<std::string, Ended> ended_;     // by key
    std::deque<std::string> order_;                    // of `ended_`, the oldest first
    const std::string id_ = make_id();                 // names its hold queue
    std::chrono::steady_clock::time_point renewed_{};  // when the held ones were
    TaskGroup tasks_;
};

}  // namespace gatehouse::events
