// SPDX-License-Identifier: Apache-2.0
// Which bytes may stand where in an HTTP message (RFC 9110 section 5.6, RFC 9112, RFC 3986), as tables.
// For the parsers and the serializer of this folder, and for whoever reads the value of a field; no state, any thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gatehouse::http::tokens {

enum : std::uint8_t {
    token = 1U << 0U,      // tchar: methods and field names
    path = 1U << 1U,       // in the path of a target
    query = 1U << 2U,      // after its '?'
    value = 1U << 3U,      // in a field's value
    hex = 1U << 4U,        // a hexadecimal digit
    digit = 1U << 5U,      // a decimal digit
    host = 1U << 6U,       // in a registered name or an IPv4 address
    unreserved = 1U << 7U  // RFC 3986 section 2.3
};

constexpr std::array<std::uint8_t, 256> make_classes()
{
    std::array<std::uint8_t, 256> table{};
    auto mark = [&](std::string_view bytes, std::uint8_t classes) {
        for (unsigned char byte : bytes)
            table[byte] |= classes;
    };
    constexpr std::string_view digits = "0123456789";
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    mark(digits, token | path | query | host | unreserved | hex | digit);
    mark(letters, token | path | query | host | unreserved);
    mark("abcdefABCDEF", hex);
    mark("!#$%&'*+-.^_`|~", token);
    mark("-._~", path | query | host | unreserved);
    mark("!$&'()*+,;=:@/%", path | query);
    // Outside RFC 3986, but browsers send them unescaped and nobody reads them as something else.
    mark("[]|^", path | query);
    mark("?`{}\\", query);
    for (unsigned byte = 0x20; byte < 256; ++byte)
        if (byte != 0x7f)
            table[byte] |= value;
    table['\t'] |= value;
    return table;
}

constexpr std::array<char, 256> make_lower()
{
    std::array<char, 256> table{};
    for (unsigned byte = 0; byte < 256; ++byte)
        table[byte] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
    return table;
}

inline constexpr std::array<std::uint8_t, 256> classes = make_classes();
inline constexpr std::array<char, 256> lower_table = make_lower();

constexpr bool is(char c, std::uint8_t wanted) { return (classes[static_cast<unsigned char>(c)] & wanted) != 0; }
constexpr char lower(char c) { return lower_table[static_cast<unsigned char>(c)]; }

constexpr bool all(std::string_view text, std::uint8_t wanted)
{
    for (char c : text)
        if (!is(c, wanted))
            return false;
    return true;
}

// REQUIRES: is(c, hex).
constexpr unsigned hex_value(char c)
{
    return c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>(lower(c) - 'a' + 10);
}

// The first byte in [at, end) that may not stand in a field's value; end if all may. Eight bytes at a time: values are
// most of what a gateway reads.
inline const char* find_value_end(const char* at, const char* end)
{
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t high = 0x8080808080808080U;
    if constexpr (std::endian::native == std::endian::little) {
        while (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, 8);
            std::uint64_t deletes = word ^ (ones * 0x7f);
            // Per byte, the high bit is set for one below 0x20 and for 0x7f. The lowest set bit is always right; those
            // above it can be wrong, through a borrow, and are not looked at.
            std::uint64_t found = (((word - ones * 0x20) & ~word) | ((deletes - ones) & ~deletes)) & high;
            if (found == 0) {
                at += 8;
                continue;
            }
            at += std::countr_zero(found) / 8;
            if (*at != '\t')
                return at;
            ++at;
        }
    }
    while (at != end && is(*at, value))
        ++at;
    return at;
}

constexpr std::string_view trim(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

}  // namespace gatehouse::http::tokens
