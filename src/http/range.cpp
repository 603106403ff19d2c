// SPDX-License-Identifier: Apache-2.0
#include "http/range.hpp"

#include "base/encoding.hpp"
#include "http/message.hpp"
#include "http/tokens.hpp"
#include "http/url.hpp"

#include <algorithm>
#include <charconv>

namespace gatehouse::http {

namespace {

constexpr std::size_t filename_bytes_max = 255;

// nullopt for anything but digits. A number too large for 64 bits is the largest one: it lies behind every content.
std::optional<std::uint64_t> parse_position(std::string_view text)
{
    if (text.empty() || !tokens::all(text, tokens::digit))
        return std::nullopt;
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} ? number : UINT64_MAX;
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
    const RangeResult whole;
    RangeResult unsatisfiable;
    unsatisfiable.kind = RangeResult::Kind::unsatisfiable;
    if (!iequals(field.substr(0, 6), "bytes="))
        return whole;
    auto range = tokens::trim(field.substr(6));
    auto dash = range.find('-');
    if (dash == std::string_view::npos)
        return whole;
    auto first = parse_position(range.substr(0, dash));
    auto last = parse_position(range.substr(dash + 1));
    bool from_end = dash == 0;
    bool open = dash + 1 == range.size();
    if ((!first && !from_end) || (!last && !open) || (from_end && open))
        return whole;

    RangeResult result;
    result.kind = RangeResult::Kind::range;
    if (from_end) {
        if (*last == 0 || size == 0)
            return unsatisfiable;
        result.range = {size - std::min(size, *last), size - 1};
        return result;
    }
    if (last && *last < *first)
        return whole;
    if (*first >= size)
        return unsatisfiable;
    result.range = {*first, last ? std::min(*last, size - 1) : size - 1};
    return result;
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
