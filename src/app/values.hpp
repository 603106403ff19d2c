// SPDX-License-Identifier: Apache-2.0
// How durations, sizes, numbers and ratios are written in the configuration: "10m", "1h30m", "16GiB", "512". Pure
// functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app {

// Units ms, s, m, h, d; several parts add up; a bare 0 is allowed. At most ten years. nullopt for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

// A whole number of bytes, or with a unit: kB MB GB TB are powers of 1000, KiB MiB GiB TiB of 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

// Decimal digits without sign; nullopt when it does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text);

// A part of a whole, from 0 to 1: "0.05". At most six digits after the point.
std::optional<double> parse_ratio(std::string_view text);
std::string format_ratio(double ratio);

}  // namespace gatehouse::app
