// SPDX-License-Identifier: Apache-2.0
// The log: one line for each event on standard error, as JSON or as text for people. Any thread.
//
//   log::info("worker", "job finished", {{"file", id}, {"ms", 12}});
//
// `role` is the folder's name. Never pass a token, password, cookie or the query of a URL.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace gatehouse::log {

enum class Level { debug, info, warn, error };
enum class Format { text, json };

struct Value : std::variant<std::int64_t, double, bool, std::string_view> {
    using variant::variant;
    template <class T>
        requires std::is_integral_v<T> && (!std::is_same_v<T, bool>)
    Value(T number) : variant(static_cast<std::int64_t>(number))
    {
    }
    Value(bool value) : variant(value) {}
    Value(double value) : variant(value) {}
    Value(const char* text) : variant(std::string_view(text)) {}
    Value(const std::string& text) : variant(std::string_view(text)) {}
    Value(std::string_view text) : variant(text) {}
};

struct Field {
    std::string_view key;
    Value value;
};
using Fields = std::initializer_list<Field>;

// Call before the threads start; the level may be changed at any time.
void configure(Format format, Level level);
void set_level(Level level);
bool enabled(Level level);

void write(Level level, std::string_view role, std::string_view message, Fields fields = {});

inline void debug(std::string_view role, std::string_view message, Fields fields = {})
{
    if (enabled(Level::debug))
        write(Level::debug, role, message, fields);
}
inline void info(std::string_view role, std::string_view message, Fields fields = {})
{
    write(Level::info, role, message, fields);
}
inline void warn(std::string_view role, std::string_view message, Fields fields = {})
{
    write(Level::warn, role, message, fields);
}
inline void error(std::string_view role, std::string_view message, Fields fields = {})
{
    write(Level::error, role, message, fields);
}

// Appends `text` as a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Writes one finished line (no newline at its end) to the same place: for the access log, which builds its own.
void write_line(std::string_view line);

}  // namespace gatehouse::log
