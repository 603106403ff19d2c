// SPDX-License-Identifier: Apache-2.0
// Range, If-None-Match and Content-Disposition: a range lies inside its content; a file name becomes a field that may
// be sent and that gives a plain name back.
#include "http/range.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "pieces.hpp"

#include <string>

using namespace gatehouse;
using namespace gatehouse::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    auto input = fuzz::to_text(data, size);
    for (std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, UINT64_MAX}) {
        auto result = parse_range(input, length);
        GH_ASSERT(result.ranges.empty() == (result.kind != RangeResult::Kind::ranges));
        GH_ASSERT(result.ranges.size() <= ranges_max);
        for (const ByteRange& range : result.ranges) {
            GH_ASSERT(range.first <= range.last && range.last < length);
            for (const ByteRange& other : result.ranges)
                GH_ASSERT(&range == &other || range.last < other.first || other.last < range.first);
        }
    }

    GH_ASSERT(!matches_if_none_match(input, "\"a\"") || input == "*" || input.find("\"a\"") != std::string_view::npos ||
              input.find('*') != std::string_view::npos);
    (void)find_disposition_filename(input);
    (void)find_parameter(input, "charset");

    std::string field = attachment_disposition(input);
    for (char c : field)
        GH_ASSERT(static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f);
    auto name = find_disposition_filename(field);
    GH_ASSERT(name && !name->empty() && name->size() <= 255);
    GH_ASSERT(name->find('/') == std::string::npos && *name != "." && *name != "..");
    if (is_utf8(input))
        GH_ASSERT(is_utf8(*name));
    return 0;
}
