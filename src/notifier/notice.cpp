// SPDX-License-Identifier: Apache-2.0
#include "notifier/notice.hpp"

#include "base/encoding.hpp"

#include <fmt/format.h>

namespace gatehouse::notifier {

namespace {

constexpr std::size_t name_bytes_max = 200;
constexpr std::size_t listed_max = 20;

// U+202A..U+202E, U+2066..U+2069, U+200E, U+200F: with them "photo_gpj.exe" reads as "photo_exe.jpg". U+2028 and U+2029
// are line breaks to some.
bool is_trick(std::string_view character)
{
    if (character.size() != 3 || character[0] != '\xe2')
        return false;
    auto second = static_cast<unsigned char>(character[1]);
    auto third = static_cast<unsigned char>(character[2]);
    if (second == 0x80)
        return third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae);
    return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

std::size_t sequence_length(char first)
{
    auto byte = static_cast<unsigned char>(first);
    return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

std::string text_of(const json::object& data, std::string_view key)
{
    return printable(find_string(data, key).value_or(""));
}

std::string list_derived(const json::object& data)
{
    const auto* derived = data.if_contains("derived");
    std::string text;
    if (!derived || !derived->is_array())
        return text;
    std::size_t listed = 0;
    for (const auto& item : derived->get_array()) {
        if (!item.is_object())
            continue;
        if (++listed > listed_max)
            return text + "  ...\n";
        const auto& file = item.get_object();
        text +=
            fmt::format("  - {} ({})\n    id {}\n", text_of(file, "name"), text_of(file, "type"), text_of(file, "id"));
    }
    return text;
}

std::string frame(std::string_view name, std::string_view body, std::string_view public_url)
{
    return fmt::format("Hello {},\n\n{}\nYour files: {}/console/\n", printable(name), body, public_url);
}

Notice tell_processed(const events::Event& event, std::string_view name, std::string_view public_url)
{
    std::string file = text_of(event.data, "name");
    std::string made = list_derived(event.data);
    std::string body = fmt::format("your file \"{}\" is ready.\n", file);
    if (!made.empty())
        body += fmt::format("\nMade from it:\n{}", made);
    return {.subject = fmt::format("\"{}\" is ready", file), .text = frame(name, body, public_url)};
}

Notice tell_failed(const events::Event& event, std::string_view name, std::string_view public_url)
{
    std::string file = text_of(event.data, "name");
    std::string made = list_derived(event.data);
    std::string body = fmt::format("your file \"{}\" is stored, but it could not be processed:\n\n  {}\n", file,
                                   text_of(event.data, "reason"));
    if (!made.empty())
        body += fmt::format("\nThis could be made from it:\n{}", made);
    return {.subject = fmt::format("\"{}\" could not be processed", file), .text = frame(name, body, public_url)};
}

}  // namespace

std::optional<Notice> make_notice(const events::Event& event, std::string_view name, std::string_view public_url)
{
    if (event.type == "file.processed")
        return tell_processed(event, name, public_url);
    if (event.type == "file.failed")
        return tell_failed(event, name, public_url);
    return std::nullopt;
}

std::string printable(std::string_view name)
{
    std::string text;
    if (!is_utf8(name))
        return "?";
    while (!name.empty()) {
        std::string_view character = name.substr(0, sequence_length(name.front()));
        name.remove_prefix(character.size());
        if (text.size() + character.size() > name_bytes_max)
            return text + "...";
        if (is_trick(character))
            continue;
        bool control = character.size() == 1 && (character[0] < ' ' || character[0] == 0x7f);
        // U+0080..U+009F are control characters as well.
        control |= character.size() == 2 && character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
        text += control ? " " : character;
    }
    return text;
}

}  // namespace gatehouse::notifier
