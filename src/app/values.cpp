// SPDX-License-Identifier: Apache-2.0
#include "app/values.hpp"

#include <fmt/format.h>

#include <charconv>

namespace gatehouse::app {

namespace {

struct DurationUnit {
    std::string_view name;
    std::int64_t ms;
};
// Longest first: format_duration() takes the first one that divides.
constexpr DurationUnit duration_units[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};
constexpr std::uint64_t duration_ms_max = 3650ULL * 86'400'000;

struct SizeUnit {
    std::string_view name;
    std::uint64_t bytes;
};
constexpr SizeUnit size_units[] = {
    {"TiB", 1ULL << 40U},
    {"GiB", 1ULL << 30U},
    {"MiB", 1ULL << 20U},
    {"KiB", 1ULL << 10U},
    {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"kB", 1'000},
    {"B", 1},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits at the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text)
{
    std::size_t end = 0;
    while (end < text.size() && is_digit(text[end]))
        ++end;
    auto number = parse_number(text.substr(0, end));
    text.remove_prefix(end);
    return number;
}

// Takes the letters at the front of `text`.
std::string_view take_unit(std::string_view& text)
{
    std::size_t end = 0;
    while (end < text.size() && !is_digit(text[end]))
        ++end;
    auto unit = text.substr(0, end);
    text.remove_prefix(end);
    return unit;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text)
{
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || !is_digit(text.front()) || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

std::optional<double> parse_ratio(std::string_view text)
{
    constexpr std::size_t bytes_max = 8;  // 0.123456
    double ratio = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ratio, std::chars_format::fixed);
    if (text.empty() || text.size() > bytes_max || !is_digit(text.front()) || error != std::errc{} ||
        end != text.data() + text.size() || ratio > 1)
        return std::nullopt;
    return ratio;
}

std::string format_ratio(double ratio)
{
    std::string text = fmt::format("{:.6f}", ratio);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.')
        text.pop_back();
    return text;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text)
{
    if (text == "0")
        return std::chrono::milliseconds{0};
    if (text.empty())
        return std::nullopt;
    std::uint64_t total = 0;
    while (!text.empty()) {
        auto number = take_number(text);
        auto name = take_unit(text);
        const auto* unit = std::find_if(std::begin(duration_units), std::end(duration_units),
                                        [&](const DurationUnit& candidate) { return candidate.name == name; });
        if (!number || unit == std::end(duration_units) || *number > duration_ms_max / unit->ms)
            return std::nullopt;
        total += *number * unit->ms;
        if (total > duration_ms_max)
            return std::nullopt;
    }
    return std::chrono::milliseconds{total};
}

std::string format_duration(std::chrono::milliseconds duration)
{
    for (const auto& unit : duration_units) {
        if (duration.count() != 0 && duration.count() % unit.ms == 0)
            return fmt::format("{}{}", duration.count() / unit.ms, unit.name);
    }
    return "0s";
}

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    auto number = take_number(text);
    if (!number || text.empty())
        return number;
    for (const auto& unit : size_units) {
        if (unit.name == text)
            return *number <= UINT64_MAX / unit.bytes ? std::optional(*number * unit.bytes) : std::nullopt;
    }
    return std::nullopt;
}

std::string format_size(std::uint64_t bytes)
{
    for (const auto& unit : size_units) {
        if (bytes != 0 && bytes % unit.bytes == 0)
            return unit.bytes == 1 ? fmt::format("{}", bytes) : fmt::format("{}{}", bytes / unit.bytes, unit.name);
    }
    return "0";
}

}  // namespace gatehouse::app
