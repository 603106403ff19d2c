// SPDX-License-Identifier: Apache-2.0
// Wall-clock time as the program sees it, and its text form (RFC 3339, UTC).
//
// Components that compare times take a `const Clock&`, so that tests can move time. now() may be called from any
// thread.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock final {
public:
    TimePoint now() const
    {
        auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        return now + std::chrono::milliseconds{offset_ms_.load(std::memory_order_relaxed)};
    }

    // Moves this clock; for tests.
    void advance(std::chrono::milliseconds by) { offset_ms_.fetch_add(by.count(), std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> offset_ms_{0};
};

inline std::int64_t to_unix_ms(TimePoint time) { return time.time_since_epoch().count(); }
inline TimePoint from_unix_ms(std::int64_t ms) { return TimePoint{std::chrono::milliseconds{ms}}; }
inline std::int64_t to_unix_seconds(TimePoint time)
{
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

// "2026-11-24T03:41:00.123Z"
std::string format_rfc3339(TimePoint time);

// "Tue, 24 Nov 2026 03:41:00 GMT", the IMF-fixdate of RFC 9110 section 5.6.7.
std::string format_http_date(TimePoint time);

}  // namespace gatehouse
