// SPDX-License-Identifier: Apache-2.0
// One connection to RabbitMQ (AMQP 0-9-1): the only place that sees the driver's header.
//
// Belongs to one thread, which calls read() again and again: heartbeats are sent and watched there. Calls that ask the
// broker something wait for its answer, ten seconds at most. After ConnectionLost the object is good for nothing.
#pragma once

#include "base/error.hpp"
#include "events/amqp_url.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gatehouse::events {

class ConnectionLost final : public Unavailable {
public:
    using Unavailable::Unavailable;
};

using AmqpValue = std::variant<std::int64_t, std::string>;
struct AmqpField {
    std::string name;
    AmqpValue value;
};
using AmqpTable = std::vector<AmqpField>;

// Persistent, whenever it is published.
struct AmqpMessage {
    std::string id;
    std::string type;
    std::string content_type;
    AmqpTable headers;  // those that are numbers or text
    std::string body;

    std::optional<std::int64_t> find_integer(std::string_view name) const;
    std::optional<std::string> find_text(std::string_view name) const;
};

// What the broker says by itself.
struct Delivered {
    std::uint16_t channel;
    std::uint64_t tag;
    AmqpMessage message;
};
struct Confirmed {
    std::uint64_t tag;
    bool multiple;
    bool accepted;
};
struct Returned {  // of a mandatory message: no queue wants it. Its confirm comes behind.
    std::string message_id;
};
struct Blocked {
    bool blocked;
};
using FromBroker = std::variant<Delivered, Confirmed, Returned, Blocked>;

class AmqpConnection final {
public:
    // Connects and logs in. Throws ConnectionLost, without the password.
    explicit AmqpConnection(const AmqpUrl& url);
    ~AmqpConnection();  // closes the socket; what was not acknowledged goes back to its queue
    AmqpConnection(const AmqpConnection&) = delete;
    AmqpConnection& operator=(const AmqpConnection&) = delete;

    // All of these throw ConnectionLost, also when the broker refuses.
    void open_channel(std::uint16_t channel);
    void close_channel(std::uint16_t channel);
    void select_confirms(std::uint16_t channel);
    void declare_topic_exchange(std::uint16_t channel, const std::string& name);
    void declare_queue(std::uint16_t channel, const std::string& name, const AmqpTable& arguments);
    void delete_queue(std::uint16_t channel, const std::string& name);
    void purge_queue(std::uint16_t channel, const std::string& name);  // of what waits there
    void bind(std::uint16_t channel, const std::string& queue, const std::string& exchange, const std::string& key);
    void consume(std::uint16_t channel, const std::string& queue, std::uint16_t prefetch);  // the tag is the queue
    void cancel(std::uint16_t channel, const std::string& queue);

    struct Got {
        std::uint64_t tag;
        AmqpMessage message;
    };
    std::optional<Got> get(std::uint16_t channel, const std::string& queue);
    std::uint32_t count(std::uint16_t channel, const std::string& queue);  // messages that wait there

    // Does not wait for an answer.
    void publish(std::uint16_t channel, const std::string& exchange, const std::string& key,
                 const AmqpMessage& message);
    void acknowledge(std::uint16_t channel, std::uint64_t tag);

    // The next thing the broker said; nullopt when there is nothing more for now.
    std::optional<FromBroker> read();

    int descriptor() const;
    std::chrono::milliseconds idle_max() const { return idle_max_; }  // read() must be called this often

private:
    struct Library;
    std::unique_ptr<Library> library_;
    std::chrono::milliseconds idle_max_{1'000};
};

}  // namespace gatehouse::events
