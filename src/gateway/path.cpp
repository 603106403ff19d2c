// SPDX-License-Identifier: Apache-2.0
#include "gateway/path.hpp"

#include <array>

namespace gatehouse::gateway {

namespace {

constexpr int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

constexpr bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

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
    static constexpr std::string_view digits = "0123456789ABCDEF";
    if (!path.starts_with('/'))
        return std::nullopt;
    std::string normal;
    normal.reserve(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '%') {
            normal += path[i];
            continue;
        }
        int high = i + 2 < path.size() ? hex_digit(path[i + 1]) : -1;
        int low = i + 2 < path.size() ? hex_digit(path[i + 2]) : -1;
        if (high < 0 || low < 0)
            return std::nullopt;
        auto c = static_cast<char>(high * 16 + low);
        if (c == '/' || c == '\\' || (c >= 0 && c < 0x20) || c == 0x7f)
            return std::nullopt;
        if (is_unreserved(c)) {
            normal += c;
        } else {
            normal += '%';
            normal += digits[static_cast<std::size_t>(high)];
            normal += digits[static_cast<std::size_t>(low)];
        }
        i += 2;
    }
    if (has_ambiguous_segment(normal))
        return std::nullopt;
    return normal;
}

}  // namespace gatehouse::gateway
