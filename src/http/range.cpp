// SPDX-License-Identifier: Apache-2.0
#include "http/range.hpp"

#include "base/encoding.hpp"
#include "http/message.hpp"
#include "http/tokens.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace gatehouse::http {

namespace {

constexpr std::size_t filename_bytes_max = 255;
constexpr std::uint64_t part_head_bytes = 128;  // about

// nullopt for anything but digits. A number too large for 64 bits is the largest one: it lies behind every content.
std::optional<std::uint64_t> parse_position(std::string_view text)
{
    if (text.empty() || !tokens::all(text, tokens::digit))
        return std::nullopt;
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} ? number : UINT64_MAX;
}

// One "first-last", "first-" or "-suffix". The outer optional is empty for what is no range, the inner one for a range
// behind the content.
std::optional<std::optional<ByteRange>> parse_range_spec(std::string_view text, std::uint64_t size)
{
    const std::optional<ByteRange> behind;
    auto dash = text.find('-');
    if (dash == std::string_view::npos)
        return std::nullopt;
    auto first = parse_position(text.substr(0, dash));
    auto last = parse_position(text.substr(dash + 1));
    bool from_end = dash == 0;
    bool open = dash + 1 == text.size();
    if ((!first && !from_end) || (!last && !open) || (from_end && open))
        return std::nullopt;
    if (from_end) {
        if (*last == 0 || size == 0)
            return behind;
        return ByteRange{size - std::min(size, *last), size - 1};
    }
    if (last && *last < *first)
        return std::nullopt;
    if (*first >= size)
        return behind;
    return ByteRange{*first, last ? std::min(*last, size - 1) : size - 1};
}

// Those that are close to each other become one, in the place of the first of them.
std::vector<ByteRange> coalesce(const std::vector<ByteRange>& asked)
{
    std::vector<std::size_t> order(asked.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return asked[i].first; });
    struct Group {
        ByteRange range;
        std::size_t place;
    };
    std::vector<Group> groups;
    for (std::size_t i : order) {
        const ByteRange& next = asked[i];
        bool close = !groups.empty() && (next.first <= groups.back().range.last ||
                                         next.first - groups.back().range.last <= part_head_bytes);
        if (!close) {
            groups.push_back({next, i});
            continue;
        }
        groups.back().range.last = std::max(groups.back().range.last, next.last);
        groups.back().place = std::min(groups.back().place, i);
    }
    std::ranges::sort(groups, {}, &Group::place);
    std::vector<ByteRange> ranges;
    ranges.reserve(groups.size());
    for (const Group& group : groups)
        ranges.push_back(group.range);
    return ranges;
}

// Reads a quoted string at the start of `text` and gives the bytes that it took, or 0 when it does not end. A backslash
// quotes only '"' and '\': some browsers send Windows paths with bare backslashes.
std::size_t read_quoted(std::string_view text, std::string& value)
{
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"')
            return i + 1;
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\'))
            ++i;
        value += text[i];
    }
    return 0;
}

// One "; name=value" after the other.
class ParameterCursor final {
public:
    explicit ParameterCursor(std::string_view field) : rest_(field)
    {
        rest_.remove_prefix(std::min(rest_.find(';'), rest_.size()));
    }

    // False at the end, or where the field stops to make sense.
    bool next(std::string_view& name, std::string& value)
    {
        value.clear();
        do {
            if (!rest_.starts_with(';'))
                return false;
            rest_ = tokens::trim(rest_.substr(1));
        } while (rest_.starts_with(';'));
        auto name_size = count_token(rest_);
        name = rest_.substr(0, name_size);
        rest_.remove_prefix(name_size);
        if (name.empty() || !rest_.starts_with('='))
            return false;
        rest_.remove_prefix(1);
        std::size_t taken = 0;
        if (rest_.starts_with('"')) {
            taken = read_quoted(rest_, value);
            if (taken == 0)
                return false;
        } else {
            taken = count_token(rest_);
            value = rest_.substr(0, taken);
        }
        rest_ = tokens::trim(rest_.substr(taken));
        return rest_.empty() || rest_.starts_with(';');
    }

private:
    static std::size_t count_token(std::string_view text)
    {
        std::size_t size = 0;
        while (size < text.size() && tokens::is(text[size], tokens::token))
            ++size;
        return size;
    }

    std::string_view rest_;
};

// RFC 8187: UTF-8'language'percent-encoded.
std::optional<std::string> decode_extended(std::string_view text)
{
    auto charset_end = text.find('\'');
    if (charset_end == std::string_view::npos || !iequals(text.substr(0, charset_end), "utf-8"))
        return std::nullopt;
    auto language_end = text.find('\'', charset_end + 1);
    if (language_end == std::string_view::npos)
        return std::nullopt;
    auto decoded = percent_decode(text.substr(language_end + 1));
    return decoded && is_utf8(*decoded) ? decoded : std::nullopt;
}

// The name without directories and control characters, short enough for any file system, and never empty.
std::string make_plain_name(std::string_view filename)
{
    filename.remove_prefix(filename.find_last_of("/\\") + 1);
    std::string name;
    for (char c : filename)
        name += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '_' : c;
    if (name.size() > filename_bytes_max) {
        std::size_t size = filename_bytes_max;
        while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0U) == 0x80U)
            --size;
        name.resize(size);
    }
    return name.find_first_not_of(". ") == std::string::npos ? "download" : name;
}

}  // namespace

RangeResult parse_range(std::string_view field, std::uint64_t size)
{
    RangeResult result;
    if (!iequals(field.substr(0, 6), "bytes="))
        return result;
    std::string_view rest = field.substr(6);
    std::size_t specs = 0;
    std::vector<ByteRange> ranges;
    while (!rest.empty()) {
        auto end = std::min(rest.find(','), rest.size());
        auto text = tokens::trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (text.empty())
            continue;  // RFC 9110 section 5.6.1: empty elements of lists are ignored
        auto spec = parse_range_spec(text, size);
        if (!spec || ++specs > ranges_max)
            return result;
        if (*spec)
            ranges.push_back(**spec);
    }
    if (specs == 0)
        return result;
    result.kind = ranges.empty() ? RangeResult::Kind::unsatisfiable : RangeResult::Kind::ranges;
    result.ranges = ranges.size() > 1 ? coalesce(ranges) : std::move(ranges);
    return result;
}

std::string content_range(const ByteRange& range, std::uint64_t size)
{
    return fmt::format("bytes {}-{}/{}", range.first, range.last, size);
}

bool matches_if_none_match(std::string_view field, std::string_view etag)
{
    auto rest = tokens::trim(field);
    if (rest == "*")
        return true;
    while (!rest.empty()) {
        if (rest.starts_with(',')) {
            rest = tokens::trim(rest.substr(1));
            continue;
        }
        if (rest.starts_with("W/"))
            rest.remove_prefix(2);
        if (!rest.starts_with('"'))
            return false;
        auto end = rest.find('"', 1);
        if (end == std::string_view::npos)
            return false;
        if (rest.substr(0, end + 1) == etag)
            return true;
        rest = tokens::trim(rest.substr(end + 1));
        if (!rest.empty() && !rest.starts_with(','))
            return false;
    }
    return false;
}

std::string attachment_disposition(std::string_view filename)
{
    std::string name = make_plain_name(filename);
    const bool utf8 = is_utf8(name);
    std::string ascii;
    for (char c : name) {
        bool continues = (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
        if (utf8 && continues)
            continue;  // one '_' for each character, not for each byte
        // '%' too: some browsers decode escapes in the plain form.
        ascii += static_cast<unsigned char>(c) >= 0x80 || c == '"' || c == '\\' || c == '%' ? '_' : c;
    }
    std::string field = "attachment; filename=\"" + ascii + '"';
    if (ascii != name && utf8)
        field += "; filename*=UTF-8''" + percent_encode(name);
    return field;
}

std::optional<std::string> find_disposition_filename(std::string_view field)
{
    if (auto extended = find_parameter(field, "filename*")) {
        if (auto decoded = decode_extended(*extended))
            return decoded;
    }
    return find_parameter(field, "filename");
}

std::optional<std::string> find_parameter(std::string_view field, std::string_view name)
{
    ParameterCursor cursor(field);
    std::string_view found;
    std::string value;
    while (cursor.next(found, value))
        if (iequals(found, name))
            return value;
    return std::nullopt;
}

}  // namespace gatehouse::http
