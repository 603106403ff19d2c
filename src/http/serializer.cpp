// SPDX-License-Identifier: Apache-2.0
#include "http/serializer.hpp"

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "http/tokens.hpp"

#include <charconv>
#include <ctime>
#include <stdexcept>

namespace gatehouse::http {

namespace {

bool is_connection_field(std::string_view name)
{
    switch (name.size()) {
    case 2: return name == "te";
    case 7: return name == "trailer" || name == "upgrade";
    case 10: return name == "connection" || name == "keep-alive";
    case 14: return name == "content-length";
    case 16: return name == "proxy-connection";
    case 17: return name == "transfer-encoding";
    default: return false;
    }
}

void append_number(std::string& out, std::uint64_t number, int base = 10)
{
    char digits[20];
    auto [end, error] = std::to_chars(digits, digits + sizeof digits, number, base);
    out.append(digits, end);
}

void append_upgrade(std::string& out, std::string_view protocol)
{
    GH_ASSERT(!protocol.empty() && tokens::all(protocol, tokens::token));
    out += "connection: upgrade\r\nupgrade: ";
    out += protocol;
    out += "\r\n";
}

void append_framing(std::string& out, const Framing& framing)
{
    if (framing.kind == Framing::Kind::chunked) {
        out += "transfer-encoding: chunked\r\n";
    } else if (framing.kind == Framing::Kind::length) {
        out += "content-length: ";
        append_number(out, framing.length);
        out += "\r\n";
    }
}

}  // namespace

bool may_send(Field field)
{
    if (is_connection_field(field.name))
        return false;
    const char* end = field.value.data() + field.value.size();
    if (!field.name.empty() && tokens::all(field.name, tokens::token) &&
        tokens::find_value_end(field.value.data(), end) == end)
        return true;
    log::error("http", "a field that would break the message was left out", {{"bytes", field.value.size()}});
    return false;
}

void append_fields(std::string& out, const Headers& headers)
{
    for (Field field : headers) {
        if (!may_send(field))
            continue;
        out += field.name;
        out += ": ";
        out += field.value;
        out += "\r\n";
    }
}

std::string_view current_date()
{
    thread_local std::int64_t made_at = -1;
    thread_local std::string text;
    std::int64_t now = std::time(nullptr);
    if (now != made_at) {
        text = format_http_date(from_unix_ms(now * 1000));
        made_at = now;
    }
    return text;
}

void append_request_head(std::string& out, const RequestHead& head, const Framing& framing, bool keep_alive,
                         std::string_view upgrade)
{
    // The parser lets nothing else through, so this is a bug in code that makes targets: one request fails, not all.
    if (!tokens::all(head.method, tokens::token) || !tokens::all(head.target, tokens::query) || head.method.empty() ||
        head.target.empty())
        throw std::invalid_argument("a request head that may not be sent");
    GH_ASSERT(framing.kind != Framing::Kind::until_close);
    out += head.method;
    out += ' ';
    out += head.target;
    out += " HTTP/1.1\r\n";
    append_fields(out, head.headers);
    append_framing(out, framing);
    if (!upgrade.empty())
        append_upgrade(out, upgrade);
    else if (!keep_alive)
        out += "connection: close\r\n";
    out += "\r\n";
}

void append_switch_head(std::string& out, const Headers& headers, std::string_view upgrade)
{
    out += "HTTP/1.1 101 Switching Protocols\r\n";
    append_fields(out, headers);
    append_upgrade(out, upgrade);
    out += "\r\n";
}

void append_response_head(std::string& out, int status, const Headers& headers, const Framing& framing, bool keep_alive)
{
    GH_ASSERT(status >= 100 && status <= 599);
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(status));
    out += ' ';
    out += reason_phrase(status);
    out += "\r\n";
    append_fields(out, headers);
    if (status < 200) {
        out += "\r\n";
        return;
    }
    if (!headers.contains("date")) {
        out += "date: ";
        out += current_date();
        out += "\r\n";
    }
    if (status != 204)  // RFC 9110 section 8.6
        append_framing(out, framing);
    if (!keep_alive || framing.kind == Framing::Kind::until_close)
        out += "connection: close\r\n";
    out += "\r\n";
}

void append_chunk(std::string& out, std::string_view data)
{
    GH_ASSERT(!data.empty());  // an empty chunk would end the body
    append_number(out, data.size(), 16);
    out += "\r\n";
    out += data;
    out += "\r\n";
}

void append_last_chunk(std::string& out) { out += "0\r\n\r\n"; }

}  // namespace gatehouse::http
