// SPDX-License-Identifier: Apache-2.0
#include "files/byte_ranges_body.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"

#include <fmt/format.h>

#include <utility>

namespace gatehouse::files {

namespace {

constexpr std::size_t boundary_random_bytes = 20;

}  // namespace

ByteRangesBody::ByteRangesBody(std::unique_ptr<FileReader> reader, std::vector<http::ByteRange> ranges)
    : reader_(std::move(reader)), ranges_(std::move(ranges)), boundary_(to_hex(random_bytes(boundary_random_bytes)))
{
    for (std::size_t i = 0; i < ranges_.size(); ++i)
        length_ += part_head(i).size() + ranges_[i].size();
    length_ += end().size();
}

std::string ByteRangesBody::content_type() const { return "multipart/byteranges; boundary=" + boundary_; }

std::string ByteRangesBody::part_head(std::size_t index) const
{
    const File& file = reader_->file();
    return fmt::format("{}--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n", index == 0 ? "" : "\r\n", boundary_,
                       file.type, http::content_range(ranges_[index], file.size));
}

std::string ByteRangesBody::end() const { return fmt::format("\r\n--{}--\r\n", boundary_); }

Task<std::string_view> ByteRangesBody::read()
{
    if (within_) {
        std::string_view piece = co_await reader_->read();
        if (!piece.empty())
            co_return piece;
        within_ = false;
    }
    if (next_ < ranges_.size()) {
        text_ = part_head(next_);
        reader_->seek(ranges_[next_].first, ranges_[next_].size());
        ++next_;
        within_ = true;
        co_return text_;
    }
    if (std::exchange(ended_, true))
        co_return std::string_view{};
    text_ = end();
    co_return text_;
}

}  // namespace gatehouse::files
