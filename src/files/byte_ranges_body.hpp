// SPDX-License-Identifier: Apache-2.0
// Several ranges of one file as the body multipart/byteranges (RFC 9110 section 14.6). On the thread of its request.
#pragma once

#include "files/file_store.hpp"
#include "http/message.hpp"
#include "http/range.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::files {

class ByteRangesBody final : public http::BodyReader {
public:
    // REQUIRES: every range lies within the file.
    ByteRangesBody(std::unique_ptr<FileReader> reader, std::vector<http::ByteRange> ranges);

    std::string content_type() const;  // with the boundary

    Task<std::string_view> read() override;
    std::optional<std::uint64_t> length() const override { return length_; }

private:
    std::string part_head(std::size_t index) const;
    std::string end() const;

    std::unique_ptr<FileReader> reader_;
    std::vector<http::ByteRange> ranges_;
    std::string boundary_;  // nobody can have guessed it when the content was made
    std::uint64_t length_ = 0;
    std::size_t next_ = 0;  // the part that follows
    bool within_ = false;   // a part
    bool ended_ = false;
    std::string text_;
};

}  // namespace gatehouse::files
