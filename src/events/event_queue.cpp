// SPDX-License-Identifier: Apache-2.0
#include "events/event_queue.hpp"

namespace gatehouse::events {

const std::vector<Binding>& bindings()
{
    static const std::vector<Binding> table{
        {"worker", {"file.uploaded"}},
        {"notifier",
         {"file.processed", "file.failed", "user.invited", "user.email_verification_requested", "user.email_changed",
          "user.password_reset_requested", "user.password_changed"}},
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

std::chrono::milliseconds delay_after(const Retry& retry, int attempts)
{
    auto delay = retry.delay_first;
    for (int i = 1; i < attempts && delay < retry.delay_max; ++i)
        delay *= 2;
    return std::min(delay, retry.delay_max);
}

}  // namespace gatehouse::events
