// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include "base/error.hpp"
#include "http/tokens.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace gatehouse::http {

namespace {

bool points_into(std::string_view part, const std::string& text)
{
    return std::less_equal<>{}(text.data(), part.data()) && std::less<>{}(part.data(), text.data() + text.size());
}

void lower_in_place(char* begin, std::size_t size)
{
    for (std::size_t i = 0; i < size; ++i)
        begin[i] = tokens::lower(begin[i]);
}

}  // namespace

void Headers::add(std::string_view name, std::string_view value)
{
    if (points_into(name, text_) || points_into(value, text_)) {
        add(std::string(name), std::string(value));
        return;
    }
    GH_ASSERT(text_.size() + name.size() + value.size() <= std::numeric_limits<std::uint32_t>::max());
    auto begin = static_cast<std::uint32_t>(text_.size());
    auto name_size = static_cast<std::uint32_t>(name.size());
    text_.append(name);
    text_.append(value);
    lower_in_place(text_.data() + begin, name.size());
    entries_.push_back({begin, name_size, begin + name_size, static_cast<std::uint32_t>(value.size())});
}

void Headers::add_line(std::string_view line, std::size_t name_size, std::size_t value_begin)
{
    auto begin = static_cast<std::uint32_t>(text_.size());
    text_.append(line);
    lower_in_place(text_.data() + begin, name_size);
    entries_.push_back({begin, static_cast<std::uint32_t>(name_size), static_cast<std::uint32_t>(begin + value_begin),
                        static_cast<std::uint32_t>(line.size() - value_begin)});
}

void Headers::set(std::string_view name, std::string_view value)
{
    if (points_into(name, text_) || points_into(value, text_)) {
        set(std::string(name), std::string(value));
        return;
    }
    auto matches = [&](const Entry& entry) { return iequals(view(entry.name_begin, entry.name_size), name); };
    auto first = std::find_if(entries_.begin(), entries_.end(), matches);
    if (first == entries_.end()) {
        add(name, value);
        return;
    }
    entries_.erase(std::remove_if(first + 1, entries_.end(), matches), entries_.end());
    // The old bytes are used again where the new value fits, so that setting a field over and over does not grow the
    // buffer.
    if (value.size() > first->value_size) {
        first->value_begin = static_cast<std::uint32_t>(text_.size());
        text_.append(value);
        GH_ASSERT(text_.size() <= std::numeric_limits<std::uint32_t>::max());
    } else {
        std::copy(value.begin(), value.end(), text_.begin() + first->value_begin);
    }
    first->value_size = static_cast<std::uint32_t>(value.size());
}

std::size_t Headers::remove(std::string_view name)
{
    // Views into text_ stay valid here: only the list of fields changes.
    return std::erase_if(entries_,
                         [&](const Entry& entry) { return iequals(view(entry.name_begin, entry.name_size), name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const
{
    for (const Entry& entry : entries_)
        if (entry.name_size == name.size() && view(entry.name_begin, entry.name_size) == name)
            return view(entry.value_begin, entry.value_size);
    return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const
{
    return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return view(entry.name_begin, entry.name_size) == name;
    }));
}

Field Headers::operator[](std::size_t index) const
{
    const Entry& entry = entries_[index];
    return {view(entry.name_begin, entry.name_size), view(entry.value_begin, entry.value_size)};
}

void Headers::clear()
{
    text_.clear();
    entries_.clear();
}

void Headers::reserve(std::size_t bytes, std::size_t fields)
{
    text_.reserve(bytes);
    entries_.reserve(fields);
}

const char* BodyError::what() const noexcept
{
    switch (kind_) {
    case Kind::closed: return "the connection ended before the body did";
    case Kind::too_large: return "the body is larger than allowed";
    case Kind::malformed: return "the framing of the body is broken";
    case Kind::too_slow: return "the body arrived too slowly";
    case Kind::revoked: return "the sender's access was revoked";
    }
    return "the body is broken";
}

Task<std::string_view> StringBody::read()
{
    if (done_)
        co_return std::string_view{};
    done_ = true;
    co_return std::string_view{text_};
}

void RequestHead::clear()
{
    method.clear();
    target.clear();
    version = Version::http11;
    headers.clear();
}

void ResponseHead::clear()
{
    status = 200;
    version = Version::http11;
    headers.clear();
}

std::string_view Request::path() const { return std::string_view(head.target).substr(0, head.target.find('?')); }

std::string_view Request::query() const
{
    auto mark = head.target.find('?');
    return mark == std::string::npos ? std::string_view{} : std::string_view(head.target).substr(mark + 1);
}

Response no_content()
{
    Response response;
    response.status = 204;
    return response;
}

std::string_view reason_phrase(int status)
{
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 460: return "Checksum Mismatch";  // tus 1.0.0
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    case 511: return "Network Authentication Required";
    default: return {};
    }
}

bool iequals(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return tokens::lower(x) == tokens::lower(y); });
}

}  // namespace gatehouse::http
