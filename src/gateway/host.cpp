// SPDX-License-Identifier: Apache-2.0
#include "gateway/host.hpp"

#include "http/tokens.hpp"

#include <algorithm>

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

constexpr std::size_t name_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

bool is_name(std::string_view name)
{
    if (name.empty() || name.size() > name_bytes_max)
        return false;
    while (true) {
        std::size_t end = std::min(name.find('.'), name.size());
        std::string_view label = name.substr(0, end);
        bool fine = !label.empty() && label.size() <= label_bytes_max && label.front() != '-' && label.back() != '-' &&
                    std::ranges::all_of(label, [](char c) {
                        return c == '-' || c == '_' || (tokens::is(c, tokens::host) && c != '.' && c != '~');
                    });
        if (!fine)
            return false;
        if (end == name.size())
            return true;
        name.remove_prefix(end + 1);
    }
}

bool is_address(std::string_view text)
{
    return text.size() > 4 && text.starts_with('[') && text.ends_with(']') &&
           std::ranges::all_of(text.substr(1, text.size() - 2),
                               [](char c) { return tokens::is(c, tokens::hex) || c == ':' || c == '.'; });
}

}  // namespace

std::string_view normalize_host(std::string_view host, HostBuffer& buffer)
{
    std::size_t end = host.starts_with('[') ? host.find(']') : host.find(':');
    if (end != std::string_view::npos)
        host = host.substr(0, host.starts_with('[') ? end + 1 : end);
    if (host.ends_with('.'))
        host.remove_suffix(1);
    if (host.size() > buffer.size() || host.starts_with('.'))
        return {};
    std::ranges::transform(host, buffer.begin(), tokens::lower);
    return {buffer.data(), host.size()};
}

bool is_host_pattern(std::string_view pattern)
{
    if (pattern.starts_with("*."))
        return is_name(pattern.substr(2));
    return is_name(pattern) || is_address(pattern);
}

bool host_fits(std::string_view pattern, std::string_view host)
{
    if (!pattern.starts_with("*."))
        return pattern == host;
    return host.size() > pattern.size() - 1 && host.ends_with(pattern.substr(1));
}

}  // namespace gatehouse::gateway
