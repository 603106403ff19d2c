// SPDX-License-Identifier: Apache-2.0
#include "gateway/path.hpp"

#include "http/tokens.hpp"
#include "http/url.hpp"

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

bool has_ambiguous_segment(std::string_view path)
{
    std::size_t begin = 1;
    while (begin <= path.size()) {
        std::size_t end = path.find('/', begin);
        bool last = end == std::string_view::npos;
        std::string_view segment = path.substr(begin, last ? std::string_view::npos : end - begin);
        if (segment == "." || segment == ".." || (segment.empty() && !last))
            return true;
        if (last)
            return false;
        begin = end + 1;
    }
    return false;
}

}  // namespace

bool is_normal_path(std::string_view path)
{
    return path.starts_with('/') && path.find('%') == std::string_view::npos &&
           path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos;
}

std::optional<std::string> normalize_path(std::string_view path)
{
    if (!path.starts_with('/'))
        return std::nullopt;
    std::string normal;
    normal.reserve(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '%') {
            normal += path[i];
            continue;
        }
        std::string_view escape = path.substr(i + 1, 2);
        if (escape.size() < 2 || !tokens::all(escape, tokens::hex))
            return std::nullopt;
        auto c = static_cast<char>(tokens::hex_value(escape[0]) * 16 + tokens::hex_value(escape[1]));
        if (c == '/' || c == '\\' || (c >= 0 && c < 0x20) || c == 0x7f)
            return std::nullopt;
        if (tokens::is(c, tokens::unreserved))
            normal += c;
        else
            http::append_percent_encoded(normal, c);
        i += 2;
    }
    if (has_ambiguous_segment(normal))
        return std::nullopt;
    return normal;
}

}  // namespace gatehouse::gateway
