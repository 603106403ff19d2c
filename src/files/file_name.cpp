// SPDX-License-Identifier: Apache-2.0
#include "files/file_name.hpp"

#include "base/encoding.hpp"

#include <cstddef>

namespace gatehouse::files {

namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

// The bytes of the well-formed UTF-8 character at the start of `text`; 0 when there is none.
std::size_t character_size(std::string_view text)
{
    auto lead = static_cast<unsigned char>(text.front());
    std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return size <= text.size() && is_utf8(text.substr(0, size)) ? size : 0;
}

char32_t decode(std::string_view character)
{
    auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(character[i])); };
    switch (character.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
    case 3: return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    default: return (byte(0) & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U | (byte(3) & 0x3FU);
    }
}

bool is_dropped(char32_t c)
{
    bool control = c < 0x20 || (c >= 0x7F && c <= 0x9F);
    bool separator = c == 0x2028 || c == 0x2029;
    bool reorders =
        c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    bool byte_order_mark = c == 0xFEFF;
    return control || separator || reorders || byte_order_mark;
}

void trim(std::string& text)
{
    text.erase(0, text.find_first_not_of(' '));
    text.erase(text.find_last_not_of(' ') + 1);
}

}  // namespace

std::string sanitize_name(std::string_view sent)
{
    if (auto slash = sent.find_last_of("/\\"); slash != std::string_view::npos)
        sent.remove_prefix(slash + 1);
    std::string name;
    while (!sent.empty()) {
        std::size_t size = character_size(sent);
        std::string_view character = size == 0 ? replacement : sent.substr(0, size);
        sent.remove_prefix(size == 0 ? 1 : size);
        if (is_dropped(decode(character)))
            continue;
        if (name.size() + character.size() > name_bytes_max)
            break;
        name.append(character);
    }
    trim(name);
    if (name.empty() || name == "." || name == "..")
        return "file";
    return name;
}

}  // namespace gatehouse::files
