// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.hpp"

#include <array>
#include <cstdint>

namespace gatehouse {

namespace {

constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> reverse(std::string_view alphabet)
{
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}

std::string encode(std::string_view bytes, std::string_view alphabet, bool padding)
{
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    std::uint32_t bits = 0;
    int count = 0;
    for (unsigned char byte : bytes) {
        bits = (bits << 8) | byte;
        count += 8;
        while (count >= 6) {
            count -= 6;
            text += alphabet[(bits >> count) & 63U];
        }
    }
    if (count > 0)
        text += alphabet[(bits << (6 - count)) & 63U];
    while (padding && text.size() % 4 != 0)
        text += '=';
    return text;
}

std::optional<std::string> decode(std::string_view text, const std::array<std::int8_t, 256>& table)
{
    if (text.size() % 4 == 1)
        return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    int count = 0;
    for (unsigned char c : text) {
        if (table[c] < 0)
            return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(table[c]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>((bits >> count) & 0xffU);
        }
    }
    if (count > 0 && (bits & ((1U << count) - 1U)) != 0)
        return std::nullopt;
    return bytes;
}

}  // namespace

char* write_hex(std::string_view bytes, char* out)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    for (unsigned char byte : bytes) {
        *out++ = digits[byte >> 4U];
        *out++ = digits[byte & 15U];
    }
    return out;
}

std::string to_hex(std::string_view bytes)
{
    std::string text(bytes.size() * 2, '\0');
    write_hex(bytes, text.data());
    return text;
}

std::optional<std::string> from_hex(std::string_view text)
{
    auto digit = [](char c) {
        if (c >= '0' && c <= '9')
            return c - '0';
        if (c >= 'a' && c <= 'f')
            return c - 'a' + 10;
        return -1;
    };
    if (text.size() % 2 != 0)
        return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        int high = digit(text[i]);
        int low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

std::string to_base64(std::string_view bytes) { return encode(bytes, base64_alphabet, true); }

std::string to_base64url(std::string_view bytes) { return encode(bytes, base64url_alphabet, false); }

std::optional<std::string> from_base64(std::string_view text)
{
    static constexpr auto table = reverse(base64_alphabet);
    if (text.size() % 4 != 0)
        return std::nullopt;
    std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    return decode(text.substr(0, text.size() - padding), table);
}

std::optional<std::string> from_base64url(std::string_view text)
{
    static constexpr auto table = reverse(base64url_alphabet);
    return decode(text, table);
}

bool is_utf8(std::string_view bytes)
{
    auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    for (std::size_t i = 0; i < bytes.size();) {
        unsigned char lead = at(i);
        std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
        if (length == 0 || i + length > bytes.size())
            return false;
        for (std::size_t k = 1; k < length; ++k)
            if ((at(i + k) & 0xc0U) != 0x80U)
                return false;
        if ((lead == 0xe0 && at(i + 1) < 0xa0) || (lead == 0xed && at(i + 1) > 0x9f) ||
            (lead == 0xf0 && at(i + 1) < 0x90) || (lead == 0xf4 && at(i + 1) > 0x8f))
            return false;
        i += length;
    }
    return true;
}

}  // namespace gatehouse
