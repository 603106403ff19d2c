// SPDX-License-Identifier: Apache-2.0
#include "http/head_rules.hpp"

#include "http/tokens.hpp"

#include <algorithm>
#include <charconv>

namespace gatehouse::http {

namespace {

bool is_port(std::string_view text)
{
    unsigned port = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return !text.empty() && text.size() <= 5 && error == std::errc{} && end == text.data() + text.size() &&
           port <= 65535;
}

}  // namespace

std::optional<std::uint64_t> parse_length(std::string_view text)
{
    if (text.empty() || text.size() > 19 || !tokens::all(text, tokens::digit) || (text.size() > 1 && text[0] == '0'))
        return std::nullopt;
    std::int64_t length = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc{})
        return std::nullopt;
    return static_cast<std::uint64_t>(length);
}

bool is_authority(std::string_view text)
{
    std::size_t host_end = 0;
    if (text.starts_with('[')) {
        host_end = text.find(']');
        if (host_end == std::string_view::npos || host_end < 3)
            return false;
        for (char c : text.substr(1, host_end - 1))
            if (!tokens::is(c, tokens::hex) && c != ':' && c != '.')
                return false;
        ++host_end;
    } else {
        while (host_end != text.size() && tokens::is(text[host_end], tokens::host))
            ++host_end;
    }
    if (host_end == 0)
        return false;
    if (host_end == text.size())
        return true;
    return text[host_end] == ':' && is_port(text.substr(host_end + 1));
}

bool is_refused_method(std::string_view method) { return method == "CONNECT" || method == "TRACE"; }

bool is_origin_form(std::string_view target)
{
    auto path_size = std::min(target.find('?'), target.size());
    if (target.empty() || target[0] != '/' || !tokens::all(target.substr(0, path_size), tokens::path))
        return false;
    for (auto at = target.find('%'); at != std::string_view::npos; at = target.find('%', at + 1)) {
        auto escape = target.substr(at + 1, 2);
        if (escape == "00")
            return false;
        if (at < path_size && (escape.size() != 2 || !tokens::all(escape, tokens::hex)))
            return false;
    }
    return true;
}

}  // namespace gatehouse::http
