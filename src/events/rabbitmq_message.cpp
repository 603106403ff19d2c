// SPDX-License-Identifier: Apache-2.0
#include "events/rabbitmq_message.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::events {

namespace {

constexpr const char* content_type = "application/cloudevents+json";
constexpr const char* attempts_header = "x-gatehouse-attempts";    // that failed
constexpr const char* revival_header = "x-gatehouse-revival";      // new for each retry of a dead letter
constexpr const char* reason_header = "x-gatehouse-reason";        // of a dead letter
constexpr const char* failed_at_header = "x-gatehouse-failed-at";  // milliseconds since 1970
constexpr const char* deliveries_header = "x-delivery-count";      // the broker's: without an acknowledgement

}  // namespace

AmqpMessage to_message(const Event& event)
{
    return {
        .id = event.id, .type = event.type, .content_type = content_type, .headers = {}, .body = encode_event(event)};
}

AmqpMessage to_message(std::string event_id, std::string body, std::int64_t failed_attempts)
{
    auto event = parse_event(body);
    AmqpMessage message{.id = std::move(event_id),
                        .type = event ? event->type : "",
                        .content_type = content_type,
                        .headers = {},
                        .body = std::move(body)};
    if (failed_attempts > 0)
        message.headers.push_back({attempts_header, failed_attempts});
    return message;
}

AmqpMessage to_dead_message(std::string event_id, std::string body, std::int64_t attempts, const Failure& last)
{
    AmqpMessage letter = to_message(std::move(event_id), std::move(body), 0);
    letter.headers = {{attempts_header, attempts},
                      {reason_header, shorten_reason(last.reason)},
                      {failed_at_header, to_unix_ms(last.at)}};
    return letter;
}

Copy::Copy(AmqpMessage from)
    : message(std::move(from)), attempts(message.find_integer(attempts_header).value_or(0)),
      deliveries(message.find_integer(deliveries_header).value_or(0)),
      revival(message.find_text(revival_header).value_or(""))
{
}

std::string Copy::key() const { return fmt::format("{} {} {}", message.id, attempts, revival); }

int Copy::attempt() const
{
    constexpr std::int64_t attempts_max = 1'000'000;
    return static_cast<int>(std::clamp<std::int64_t>(attempts + deliveries, 0, attempts_max)) + 1;
}

AmqpMessage Copy::again(std::int64_t failed_attempts) const
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

AmqpMessage Copy::dead(const std::string& reason, TimePoint now) const
{
    AmqpMessage letter = again(attempt());
    letter.headers.push_back({reason_header, shorten_reason(reason)});
    letter.headers.push_back({failed_at_header, to_unix_ms(now)});
    return letter;
}

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

}  // namespace gatehouse::events
