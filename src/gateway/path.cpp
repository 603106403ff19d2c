// SPDX-License-Identifier: Apache-2.0
#include "gateway/path.hpp"

#include "http/tokens.hpp"
#include "http/url.hpp"

#include <optional>

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

// Servers that know path parameters cut them off, others take them for a part of the name.
constexpr char parameter_separator = ';';

// REQUIRES: path[at] == '%'. The byte that stands there in encoded form.
std::optional<char> decode_escape(std::string_view path, std::size_t at)
{
    std::string_view escape = path.substr(at + 1, 2);
    if (escape.size() < 2 || !tokens::all(escape, tokens::hex))
        return std::nullopt;
    return static_cast<char>(tokens::hex_value(escape[0]) * 16 + tokens::hex_value(escape[1]));
}

// What may not be encoded: separators, and what ends a string or a line somewhere.
bool is_ambiguous_when_encoded(char c)
{
    return c == '/' || c == '\\' || c == parameter_separator || (c >= 0 && c < 0x20) || c == 0x7f;
}

// Whether UTF-8 goes on right: no stray or missing continuation bytes, no overlong form, no surrogate, nothing beyond
// U+10FFFF (RFC 3629). A lenient decoder reads "%C0%AE" as a dot.
class Utf8Check final {
public:
    bool add(char c)
    {
        auto byte = static_cast<unsigned char>(c);
        if (left_ == 0)
            return begin(byte);
        if (byte < low_ || byte > high_)
            return false;
        low_ = 0x80;
        high_ = 0xbf;
        --left_;
        return true;
    }
    bool complete() const { return left_ == 0; }

private:
    bool begin(unsigned char byte)
    {
        low_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
        high_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
        left_ = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        return byte < 0x80 || (byte >= 0xc2 && byte <= 0xf4);
    }

    unsigned left_ = 0;
    unsigned low_ = 0x80;
    unsigned high_ = 0xbf;
};

// Whether `segment` is made of dots, and of spaces, which some systems cut off behind them: "..", "..%20".
bool is_dots(std::string_view segment)
{
    bool dot = false;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        if (segment[i] == '.')
            dot = true;
        else if (segment.substr(i, 3) == "%20")
            i += 2;
        else
            return false;
    }
    return dot;
}

// REQUIRES: the escapes of `path` are those that normalize_path() leaves.
bool has_ambiguous_segment(std::string_view path)
{
    std::size_t begin = 1;
    while (begin <= path.size()) {
        std::size_t end = path.find('/', begin);
        bool last = end == std::string_view::npos;
        std::string_view segment = path.substr(begin, last ? std::string_view::npos : end - begin);
        if (is_dots(segment) || (segment.empty() && !last))
            return true;
        if (last)
            return false;
        begin = end + 1;
    }
    return false;
}

// "%252e": one decoding leaves an escape, which a second one would undo.
bool has_escape_inside(std::string_view path)
{
    for (std::size_t at = path.find("%25"); at != std::string_view::npos; at = path.find("%25", at + 3)) {
        std::string decoded;
        for (std::size_t i = at + 3; i < path.size() && decoded.size() < 2;) {
            std::optional<char> c = path[i] == '%' ? decode_escape(path, i) : path[i];
            decoded += c.value_or('/');
            i += path[i] == '%' ? 3 : 1;
        }
        if (decoded.size() == 2 && tokens::all(decoded, tokens::hex))
            return true;
    }
    return false;
}

}  // namespace

bool is_normal_path(std::string_view path)
{
    if (!path.starts_with('/'))
        return false;
    char before = 'a';
    for (char c : path) {
        if (!tokens::is(c, tokens::path) || c == '%' || c == parameter_separator ||
            (before == '/' && (c == '/' || c == '.')))
            return false;
        before = c;
    }
    return true;
}

std::optional<std::string> normalize_path(std::string_view path)
{
    if (!path.starts_with('/'))
        return std::nullopt;
    std::string normal;
    normal.reserve(path.size());
    Utf8Check utf8;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '%') {
            if (!tokens::is(path[i], tokens::path) || path[i] == parameter_separator || !utf8.complete())
                return std::nullopt;
            normal += path[i];
            continue;
        }
        auto c = decode_escape(path, i);
        if (!c || is_ambiguous_when_encoded(*c) || !utf8.add(*c))
            return std::nullopt;
        if (tokens::is(*c, tokens::unreserved))
            normal += *c;
        else
            http::append_percent_encoded(normal, *c);
        i += 2;
    }
    if (!utf8.complete() || has_ambiguous_segment(normal) || has_escape_inside(normal))
        return std::nullopt;
    return normal;
}

}  // namespace gatehouse::gateway
