// SPDX-License-Identifier: Apache-2.0
#include "notifier/mail.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::notifier {

namespace {

constexpr std::size_t mailbox_bytes_max = 254;
constexpr std::size_t local_part_bytes_max = 64;
constexpr std::size_t line_bytes_max = 76;
// 45 bytes are 60 in base64; with "=?UTF-8?B?" and "?=" 72, below the 75 that RFC 2047 allows.
constexpr std::size_t encoded_word_bytes_max = 45;
constexpr std::string_view replacement = "\xef\xbf\xbd";

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// RFC 5322 section 3.2.3.
bool is_atom_character(char c)
{
    return is_alphanumeric(c) || (c != '\0' && std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c));
}

// Atoms with single dots between them.
bool is_dot_atom(std::string_view text)
{
    if (text.empty() || text.front() == '.' || text.back() == '.' || text.contains(".."))
        return false;
    return std::ranges::all_of(text, [](char c) { return c == '.' || is_atom_character(c); });
}

bool is_host(std::string_view text)
{
    auto fits = [](char c) { return is_alphanumeric(c) || c == '.' || c == '-'; };
    return is_dot_atom(text) && std::ranges::all_of(text, fits);
}

// How long the UTF-8 sequence is that begins the text; 0 when it is broken.
std::size_t sequence_length(std::string_view text)
{
    auto first = static_cast<unsigned char>(text.front());
    std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return length <= text.size() && is_utf8(text.substr(0, length)) ? length : 0;
}

// The next character of `text`, which becomes shorter. What is no character gives U+FFFD.
std::string_view take_character(std::string_view& text)
{
    std::size_t length = sequence_length(text);
    std::string_view taken = length == 0 ? replacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
    return taken;
}

// Such text needs no encoding in a subject. "=?" would be taken for an encoded word.
bool is_plain(std::string_view text, std::size_t size_max)
{
    auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    return text.size() <= size_max && std::ranges::all_of(text, printable) && !text.contains("=?") &&
           !text.starts_with(' ') && !text.ends_with(' ');
}

// RFC 2047, in lines of at most 76 bytes.
std::string encode_words(std::string_view text, std::size_t column)
{
    std::string result;
    std::string word;
    auto flush = [&] {
        // The first word may have to stand on a line of its own, too.
        if (!result.empty() || column + encoded_word_bytes_max * 4 / 3 + 12 > line_bytes_max)
            result += "\r\n ";
        result += "=?UTF-8?B?" + to_base64(word) + "?=";
        word.clear();
    };
    while (!text.empty()) {
        std::string_view character = take_character(text);
        // Control characters would be harmless here, but not where a mail program shows them.
        if (character.size() == 1 && (character[0] < ' ' || character[0] == 0x7f))
            character = " ";
        if (word.size() + character.size() > encoded_word_bytes_max)
            flush();
        word += character;
    }
    flush();
    return result;
}

// "name <mailbox>" as a header's value. A name of atoms stands as it is, any other is encoded.
std::string format_address(const Address& address, std::size_t column)
{
    if (address.name.empty())
        return address.mailbox;
    auto is_phrase = [](char c) { return c == ' ' || is_atom_character(c); };
    bool plain = std::ranges::all_of(address.name, is_phrase) && is_plain(address.name, 40);
    std::string name = plain ? address.name : encode_words(address.name, column);
    // On the same line where that is short enough.
    bool fits = plain && column + name.size() + address.mailbox.size() + 3 <= line_bytes_max;
    return fmt::format("{}{}<{}>", name, fits ? " " : "\r\n ", address.mailbox);
}

// "Tue, 24 Nov 2026 03:41:00 +0000" (RFC 5322 section 3.3).
std::string format_date(TimePoint time)
{
    std::string text = format_http_date(time);
    GH_ASSERT(text.ends_with("GMT"));
    text.replace(text.size() - 3, 3, "+0000");
    return text;
}

}  // namespace

std::string_view Address::host() const
{
    std::string_view text = mailbox;
    return text.substr(text.rfind('@') + 1);
}

bool is_mailbox(std::string_view text)
{
    auto at = text.find('@');
    if (at == std::string_view::npos || text.size() > mailbox_bytes_max || at > local_part_bytes_max)
        return false;
    return is_dot_atom(text.substr(0, at)) && is_host(text.substr(at + 1));
}

std::optional<Address> parse_address(std::string_view text)
{
    text = http::tokens::trim(text);
    if (is_mailbox(text))
        return Address{.name = "", .mailbox = std::string(text)};
    auto open = text.rfind('<');
    if (open == std::string_view::npos || !text.ends_with('>'))
        return std::nullopt;
    std::string_view mailbox = text.substr(open + 1, text.size() - open - 2);
    std::string_view name = http::tokens::trim(text.substr(0, open));
    if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"'))
        name = name.substr(1, name.size() - 2);
    if (!is_mailbox(mailbox) || !is_utf8(name))
        return std::nullopt;
    return Address{.name = std::string(name), .mailbox = std::string(mailbox)};
}

std::string encode_header(std::string_view text, std::size_t column)
{
    if (is_plain(text, line_bytes_max - std::min(column, line_bytes_max)))
        return std::string(text);
    return encode_words(text, column);
}

std::string to_utf8(std::string_view text)
{
    std::string result;
    while (!text.empty())
        result += take_character(text);
    return result;
}

std::string quoted_printable(std::string_view text)
{
    std::string result;
    std::size_t column = 0;
    auto put = [&](std::string_view piece) {
        // One place is kept for the '=' of a soft line break.
        if (column + piece.size() > line_bytes_max - 1) {
            result += "=\r\n";
            column = 0;
        }
        result += piece;
        column += piece.size();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto c = static_cast<unsigned char>(text[i]);
        if (c == '\n') {
            result += "\r\n";
            column = 0;
            continue;
        }
        bool line_ends = i + 1 == text.size() || text[i + 1] == '\n';
        bool plain = (c >= '!' && c <= '~' && c != '=') || (c == ' ' && !line_ends);
        // A line that is a dot ends a mail in SMTP, one that begins with "From " one in a mailbox file.
        if (column == 0 && (c == '.' || c == 'F'))
            plain = false;
        put(plain ? std::string(1, static_cast<char>(c)) : fmt::format("={:02X}", c));
    }
    return result;
}

std::string compose(const Mail& mail)
{
    GH_ASSERT(is_mailbox(mail.from.mailbox) && is_mailbox(mail.to.mailbox));
    std::string text = mail.text;
    if (!text.ends_with('\n'))
        text += '\n';
    // RFC 3834: nobody's holiday notice answers an automatic mail.
    return fmt::format("From: {}\r\n"
                       "To: {}\r\n"
                       "Subject: {}\r\n"
                       "Date: {}\r\n"
                       "Message-ID: <{}@{}>\r\n"
                       "Auto-Submitted: auto-generated\r\n"
                       "MIME-Version: 1.0\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: quoted-printable\r\n"
                       "\r\n"
                       "{}",
                       format_address(mail.from, 6), format_address(mail.to, 4), encode_header(mail.subject, 9),
                       format_date(mail.date), mail.id, mail.from.host(), quoted_printable(text));
}

}  // namespace gatehouse::notifier
