// SPDX-License-Identifier: Apache-2.0
#include "http/url.hpp"

#include "http/message.hpp"
#include "http/tokens.hpp"

#include <charconv>

namespace gatehouse::http {

namespace {

constexpr std::size_t url_bytes_max = 2048;

// As percent_decode, with '+' as a space where `form` says so.
std::optional<std::string> decode(std::string_view text, bool form)
{
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += form && text[i] == '+' ? ' ' : text[i];
            continue;
        }
        if (i + 2 >= text.size() || !tokens::is(text[i + 1], tokens::hex) || !tokens::is(text[i + 2], tokens::hex))
            return std::nullopt;
        unsigned byte = tokens::hex_value(text[i + 1]) * 16 + tokens::hex_value(text[i + 2]);
        if (byte == 0)
            return std::nullopt;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "http" ? 80 : scheme == "https" ? 443 : 0; }

bool is_ipv6_literal(std::string_view text)
{
    if (text.size() < 2)
        return false;
    for (char c : text)
        if (!tokens::is(c, tokens::hex) && c != ':' && c != '.')
            return false;
    return text.find(':') != std::string_view::npos;
}

// Reads "host", "host:port" or "[v6]:port" into `endpoint`.
bool read_authority(std::string_view text, Endpoint& endpoint)
{
    std::string_view port;
    if (text.starts_with('[')) {
        auto end = text.find(']');
        if (end == std::string_view::npos || !is_ipv6_literal(text.substr(1, end - 1)))
            return false;
        endpoint.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else {
        auto colon = std::min(text.find(':'), text.size());
        endpoint.host = text.substr(0, colon);
        port = text.substr(colon);
        if (endpoint.host.empty() || !tokens::all(endpoint.host, tokens::host))
            return false;
    }
    endpoint.port = default_port(endpoint.scheme);
    if (port.empty())
        return true;
    if (port.front() != ':')
        return false;
    port.remove_prefix(1);
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    return error == std::errc{} && end == port.data() + port.size() && endpoint.port != 0;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) { return decode(text, false); }

void append_percent_encoded(std::string& out, char byte)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    auto value = static_cast<unsigned char>(byte);
    out += '%';
    out += digits[value >> 4U];
    out += digits[value & 15U];
}

std::string percent_encode(std::string_view text)
{
    std::string encoded;
    encoded.reserve(text.size());
    for (char c : text) {
        if (tokens::is(c, tokens::unreserved))
            encoded += c;
        else
            append_percent_encoded(encoded, c);
    }
    return encoded;
}

std::optional<std::string> find_query_parameter(std::string_view query, std::string_view name)
{
    while (!query.empty()) {
        auto end = std::min(query.find('&'), query.size());
        auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        auto equals = std::min(pair.find('='), pair.size());
        if (decode(pair.substr(0, equals), true) != name)
            continue;
        return decode(pair.substr(std::min(equals + 1, pair.size())), true);
    }
    return std::nullopt;
}

bool is_unambiguous_path(std::string_view path)
{
    if (!path.starts_with('/'))
        return false;
    for (std::size_t begin = 1; begin <= path.size();) {
        auto end = std::min(path.find('/', begin), path.size());
        auto segment = percent_decode(path.substr(begin, end - begin));
        bool last = end == path.size();
        if (!segment || *segment == "." || *segment == ".." || (segment->empty() && !last) ||
            segment->find_first_of("/\\") != std::string::npos)
            return false;
        begin = end + 1;
    }
    return true;
}

std::string Endpoint::authority() const
{
    if (scheme == "unix")
        return "localhost";
    std::string text = host.find(':') == std::string::npos ? host : '[' + host + ']';
    if (port != default_port(scheme))
        text += ':' + std::to_string(port);
    return text;
}

std::optional<Endpoint> parse_endpoint(std::string_view url)
{
    Endpoint endpoint;
    if (url.size() > url_bytes_max)
        return std::nullopt;
    if (url.starts_with("unix:/")) {
        endpoint.scheme = "unix";
        endpoint.host = url.substr(5);
        return endpoint.host.size() > 1 && tokens::all(endpoint.host, tokens::value) ? std::optional(endpoint)
                                                                                     : std::nullopt;
    }
    auto scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos)
        return std::nullopt;
    auto scheme = url.substr(0, scheme_end);
    if (!iequals(scheme, "http") && !iequals(scheme, "https"))
        return std::nullopt;
    endpoint.scheme = iequals(scheme, "http") ? "http" : "https";

    auto rest = url.substr(scheme_end + 3);
    auto authority_end = std::min(rest.find('/'), rest.size());
    if (!read_authority(rest.substr(0, authority_end), endpoint))
        return std::nullopt;
    auto prefix = rest.substr(authority_end);
    while (prefix.ends_with('/'))
        prefix.remove_suffix(1);
    if (!prefix.empty() && !is_unambiguous_path(prefix))
        return std::nullopt;
    if (!tokens::all(prefix, tokens::path))
        return std::nullopt;
    endpoint.prefix = prefix;
    return endpoint;
}

}  // namespace gatehouse::http
