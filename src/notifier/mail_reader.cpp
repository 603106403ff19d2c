// SPDX-License-Identifier: Apache-2.0
#include "notifier/mail_reader.hpp"

#include "base/encoding.hpp"
#include "http/message.hpp"
#include "http/tokens.hpp"
#include "notifier/mail.hpp"

#include <optional>

namespace gatehouse::notifier {

namespace {

constexpr std::string_view word_begin = "=?UTF-8?B?";
constexpr std::string_view word_end = "?=";

// The next line without its end, CRLF or LF; `text` begins behind it.
std::string_view take_line(std::string_view& text)
{
    auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

std::optional<int> hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return std::nullopt;
}

// The byte that "=41" at the beginning of the text stands for.
std::optional<char> escaped_byte(std::string_view text)
{
    if (text.size() < 3 || text[0] != '=')
        return std::nullopt;
    auto high = hex_value(text[1]);
    auto low = hex_value(text[2]);
    if (!high || !low)
        return std::nullopt;
    return static_cast<char>(*high * 16 + *low);
}

// The bytes of the encoded word that the text begins with, which becomes shorter by it.
std::optional<std::string> take_word(std::string_view& text)
{
    if (!text.starts_with(word_begin))
        return std::nullopt;
    auto end = text.find(word_end, word_begin.size());
    if (end == std::string_view::npos)
        return std::nullopt;
    auto bytes = from_base64(text.substr(word_begin.size(), end - word_begin.size()));
    if (bytes)
        text.remove_prefix(end + word_end.size());
    return bytes;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t") == std::string_view::npos; }

std::string* member_of(ReadableMail& mail, std::string_view name)
{
    if (http::iequals(name, "from"))
        return &mail.from;
    if (http::iequals(name, "to"))
        return &mail.to;
    if (http::iequals(name, "subject"))
        return &mail.subject;
    return nullptr;
}

}  // namespace

std::string decode_header(std::string_view value)
{
    std::string result;
    std::string_view between;  // what stands since the last encoded word
    bool after_word = false;
    while (!value.empty()) {
        auto at = value.find(word_begin);
        between = value.substr(0, at);
        value.remove_prefix(between.size());
        auto bytes = take_word(value);
        // White space between two encoded words belongs to neither (RFC 2047 section 6.2).
        if (!(after_word && bytes && is_blank(between)))
            result += between;
        after_word = bytes.has_value();
        if (bytes) {
            result += *bytes;
        } else if (!value.empty()) {
            result += value.substr(0, word_begin.size());
            value.remove_prefix(word_begin.size());
        }
    }
    return to_utf8(result);
}

std::string decode_quoted_printable(std::string_view text)
{
    std::string result;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        bool soft = line.ends_with('=');
        if (soft)
            line.remove_suffix(1);
        while (!line.empty()) {
            auto byte = escaped_byte(line);
            result += byte.value_or(line.front());
            line.remove_prefix(byte ? 3 : 1);
        }
        if (!soft)
            result += '\n';
    }
    return to_utf8(result);
}

ReadableMail read_mail(std::string_view bytes)
{
    ReadableMail mail;
    std::string* member = nullptr;
    while (!bytes.empty()) {
        std::string_view line = take_line(bytes);
        if (line.empty())
            break;
        if (line.front() == ' ' || line.front() == '\t') {
            if (member)
                *member += line;
            continue;
        }
        auto colon = line.find(':');
        member = member_of(mail, line.substr(0, colon));
        if (member && colon != std::string_view::npos)
            *member = http::tokens::trim(line.substr(colon + 1));
    }
    for (std::string* one : {&mail.from, &mail.to, &mail.subject})
        *one = decode_header(http::tokens::trim(*one));
    mail.text = decode_quoted_printable(bytes);
    return mail;
}

}  // namespace gatehouse::notifier
