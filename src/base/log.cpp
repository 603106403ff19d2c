// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include "base/clock.hpp"
#include "base/encoding.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cmath>
#include <iterator>

namespace gatehouse::log {

namespace {

std::atomic<Level> current_level{Level::info};
std::atomic<Format> current_format{Format::text};

spdlog::logger& logger()
{
    static auto instance = [] {
        auto made = std::make_shared<spdlog::logger>("gatehouse", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("%v");
        made->set_level(spdlog::level::trace);
        return made;
    }();
    return *instance;
}

constexpr std::string_view level_name(Level level)
{
    switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
    }
    return "?";
}

void append_value(std::string& line, const Value& value)
{
    auto append = [&](const auto& item) {
        if constexpr (std::is_same_v<std::decay_t<decltype(item)>, std::string_view>)
            append_json_string(line, item);
        else if constexpr (std::is_same_v<std::decay_t<decltype(item)>, double>)
            std::isfinite(item) ? fmt::format_to(std::back_inserter(line), "{}", item)
                                : fmt::format_to(std::back_inserter(line), "null");  // JSON has no other word for it
        else
            fmt::format_to(std::back_inserter(line), "{}", item);
    };
    std::visit(append, static_cast<const Value::variant&>(value));
}

}  // namespace

void configure(Format format, Level level)
{
    current_format = format;
    current_level = level;
}

void set_level(Level level) { current_level = level; }

bool enabled(Level level) { return level >= current_level.load(std::memory_order_relaxed); }

void append_json_string(std::string& out, std::string_view text)
{
    bool utf8 = is_utf8(text);
    out += '"';
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else if (byte >= 0x80 && !utf8) {
            out += "\\ufffd";
        } else {
            out += c;
        }
    }
    out += '"';
}

void write(Level level, std::string_view role, std::string_view message, Fields fields)
{
    if (!enabled(level))
        return;
    std::string line;
    auto time = format_rfc3339(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    if (current_format.load(std::memory_order_relaxed) == Format::json) {
        fmt::format_to(std::back_inserter(line), R"({{"time":"{}","level":"{}","role":"{}","message":)", time,
                       level_name(level), role);
        append_json_string(line, message);
        for (const Field& field : fields) {
            line += ',';
            append_json_string(line, field.key);
            line += ':';
            append_value(line, field.value);
        }
        line += '}';
    } else {
        fmt::format_to(std::back_inserter(line), "{} {:5} {}: {}", time, level_name(level), role, message);
        for (const Field& field : fields) {
            fmt::format_to(std::back_inserter(line), " {}=", field.key);
            append_value(line, field.value);
        }
    }
    write_line(line);
}

void write_line(std::string_view line)
{
    logger().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace gatehouse::log
