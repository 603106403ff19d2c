// SPDX-License-Identifier: Apache-2.0
#include "auth/names.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"

#include <clocale>
#include <cwctype>

#include <algorithm>

namespace gatehouse::auth {

namespace {

constexpr std::size_t username_characters_max = 64;
constexpr std::size_t email_bytes_max = 254;  // RFC 5321 leaves no room for more
constexpr std::size_t name_bytes_max = 4 * username_characters_max;

// The characters of well-formed UTF-8.
std::u32string decode(std::string_view utf8)
{
    std::u32string characters;
    for (std::size_t i = 0; i < utf8.size();) {
        auto lead = static_cast<unsigned char>(utf8[i]);
        std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        char32_t character = length == 1 ? lead : lead & (0xffU >> (length + 1));
        for (std::size_t k = 1; k < length; ++k)
            character = (character << 6U) | (static_cast<unsigned char>(utf8[i + k]) & 0x3fU);
        characters += character;
        i += length;
    }
    return characters;
}

void append(std::string& utf8, char32_t character)
{
    auto put = [&](char32_t byte) { utf8 += static_cast<char>(byte); };
    if (character < 0x80) {
        put(character);
    } else if (character < 0x800) {
        put(0xc0 | (character >> 6U));
        put(0x80 | (character & 0x3fU));
    } else if (character < 0x10000) {
        put(0xe0 | (character >> 12U));
        put(0x80 | ((character >> 6U) & 0x3fU));
        put(0x80 | (character & 0x3fU));
    } else {
        put(0xf0 | (character >> 18U));
        put(0x80 | ((character >> 12U) & 0x3fU));
        put(0x80 | ((character >> 6U) & 0x3fU));
        put(0x80 | (character & 0x3fU));
    }
}

// Controls, and characters without an image of their own, with which one name could be made to look like another.
bool is_invisible(char32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x34f || c == 0x61c || c == 0x115f ||
           c == 0x1160 || (c >= 0x180b && c <= 0x180f) || (c >= 0x2000 && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0x3164 ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || c == 0xffa0 || (c >= 0xfff0 && c <= 0xffff) || c >= 0xe0000;
}

// The C library's own table for all of Unicode, whatever the process's locale is.
locale_t unicode_locale()
{
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    GH_ASSERT(locale != nullptr);
    return locale;
}

}  // namespace

std::size_t count_characters(std::string_view utf8)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::optional<std::string> check_username(std::string_view name)
{
    if (name.empty())
        return "A user name is needed.";
    if (!is_utf8(name))
        return "It is not UTF-8 text.";
    if (count_characters(name) > username_characters_max)
        return "At most 64 characters are allowed.";
    if (name.find(':') != name.npos)
        return "A colon is not allowed.";
    if (name.front() == ' ' || name.back() == ' ')
        return "It must not begin or end with a space.";
    if (std::ranges::any_of(decode(name), is_invisible))
        return "Invisible and control characters are not allowed.";
    return std::nullopt;
}

std::optional<std::string> check_email(std::string_view email)
{
    if (!is_utf8(email) || email.size() > email_bytes_max)
        return "An e-mail address is UTF-8 text of at most 254 bytes.";
    auto at = email.find('@');
    bool one_at = at != email.npos && email.find('@', at + 1) == email.npos;
    if (!one_at || at == 0 || at + 1 == email.size() || email.back() == '.')
        return "An e-mail address is written like name@example.com.";
    // Nothing that could end an address early where it is put into a mail.
    constexpr std::string_view forbidden = " \"(),:;<>[\\]";
    if (email.find_first_of(forbidden) != email.npos || std::ranges::any_of(decode(email), is_invisible))
        return "An e-mail address has no spaces, quotes or brackets.";
    return std::nullopt;
}

std::optional<std::string> fold_name(std::string_view name)
{
    if (name.size() > name_bytes_max || !is_utf8(name))
        return std::nullopt;
    std::string folded;
    for (char32_t character : decode(name))
        append(folded, static_cast<char32_t>(towlower_l(static_cast<wint_t>(character), unicode_locale())));
    return folded;
}

}  // namespace gatehouse::auth
