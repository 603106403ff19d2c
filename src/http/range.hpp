// SPDX-License-Identifier: Apache-2.0
// Range, ETag and Content-Disposition fields (RFC 9110 sections 13 and 14, RFC 6266, RFC 8187).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

struct ByteRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  // inclusive
    std::uint64_t size() const { return last - first + 1; }
    bool operator==(const ByteRange&) const = default;
};

struct RangeResult {
    enum class Kind { whole, ranges, unsatisfiable };
    Kind kind = Kind::whole;
    std::vector<ByteRange> ranges;  // one or more, none of them overlaps or touches another
};
// What to send of `size` bytes. A malformed field, another unit or more than `ranges_max` ranges mean the whole (RFC
// 9110 section 14.2 lets a server ignore Range). Ranges that overlap, or with less between them than the head of a part
// of multipart/byteranges takes, become one, so that parts are never longer than the whole (section 15.3.7.2); the
// others come in the order in which they are asked for. Those behind the content are left out.
inline constexpr std::size_t ranges_max = 32;
RangeResult parse_range(std::string_view field, std::uint64_t size);

// "bytes 0-99/1000"
std::string content_range(const ByteRange& range, std::uint64_t size);

// Weak comparison of an If-None-Match list with one strong tag (quotes included); "*" matches.
bool matches_if_none_match(std::string_view field, std::string_view etag);

// `attachment` with a safe ASCII filename and, where needed, filename*.
std::string attachment_disposition(std::string_view filename);

// The filename of a Content-Disposition field: filename* if it is valid, else filename.
std::optional<std::string> find_disposition_filename(std::string_view field);

// The value of `name` in "type; name=value; name2=\"quoted\"", unquoted.
std::optional<std::string> find_parameter(std::string_view field, std::string_view name);

}  // namespace gatehouse::http
