// SPDX-License-Identifier: Apache-2.0
#include "events/event_queue.hpp"

namespace gatehouse::events {

namespace {

constexpr std::size_t reason_bytes_max = 1000;

}  // namespace

const std::vector<Binding>& bindings()
{
    static const std::vector<Binding> table{
        {"worker", {"file.uploaded", "file.restored"}},
        {"notifier",
         {"file.processed", "file.failed", "user.invited", "user.email_verification_requested", "user.email_changed",
          "user.password_reset_requested", "user.password_changed", "user.registration_refused"}},
    };
    return table;
}

std::vector<std::string> queues_for(std::string_view type)
{
    std::vector<std::string> queues;
    for (const Binding& binding : bindings())
        if (std::ranges::find(binding.types, type) != binding.types.end())
            queues.push_back(binding.queue);
    return queues;
}

std::string encode_event(const Event& event)
{
    auto body = to_json(event);
    if (body.size() > event_bytes_max)
        throw std::invalid_argument("an event is too long");
    if (auto readable = parse_event(body); !readable)
        throw std::invalid_argument("an event cannot be read back: " + readable.error());
    return body;
}

std::string shorten_reason(std::string reason)
{
    if (reason.size() <= reason_bytes_max)
        return reason;
    std::size_t end = reason_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0U) == 0x80U)
        --end;
    reason.resize(end);
    return reason;
}

LetterId split_letter_id(const std::string& id)
{
    auto colon = id.find(':');
    if (colon == std::string::npos)
        return {id, ""};
    return {id.substr(0, colon), id.substr(colon + 1)};
}

std::chrono::milliseconds delay_after(const Retry& retry, int attempts)
{
    auto delay = retry.delay_first;
    for (int i = 1; i < attempts && delay < retry.delay_max; ++i)
        delay *= 2;
    return std::min(delay, retry.delay_max);
}

}  // namespace gatehouse::events
