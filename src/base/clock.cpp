// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <fmt/format.h>

#include <array>

namespace gatehouse {

namespace {

struct Civil {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
    std::chrono::weekday weekday;
};

Civil to_civil(TimePoint time)
{
    auto day = std::chrono::floor<std::chrono::days>(time);
    return {day, std::chrono::hh_mm_ss<std::chrono::milliseconds>{time - day}, std::chrono::weekday{day}};
}

}  // namespace

std::string format_rfc3339(TimePoint time)
{
    auto civil = to_civil(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(civil.date.year()),
                       static_cast<unsigned>(civil.date.month()), static_cast<unsigned>(civil.date.day()),
                       civil.time.hours().count(), civil.time.minutes().count(), civil.time.seconds().count(),
                       civil.time.subseconds().count());
}

std::string format_http_date(TimePoint time)
{
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto civil = to_civil(time);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[civil.weekday.c_encoding()],
                       static_cast<unsigned>(civil.date.day()), months[static_cast<unsigned>(civil.date.month()) - 1],
                       static_cast<int>(civil.date.year()), civil.time.hours().count(), civil.time.minutes().count(),
                       civil.time.seconds().count());
}

}  // namespace gatehouse
