// SPDX-License-Identifier: Apache-2.0
// multipart/form-data (RFC 7578) as it streams by: parts are pulled one after the other, nothing is kept in memory but
// one piece and one part's head.
#pragma once

#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::http {

struct MultipartLimits {
    std::size_t part_head_bytes_max = 8 * 1024;
    std::size_t part_count_max = 100;
};

// The boundary of a `multipart/form-data; boundary=...` content type; nullopt for another type or a bad boundary.
std::optional<std::string> find_multipart_boundary(std::string_view content_type);

struct PartHead {
    std::string name;                     // the form field
    std::optional<std::string> filename;  // as sent (filename* of RFC 8187 is decoded and wins); may hold anything
    std::string content_type;             // may be empty
};

class MultipartReader final {
public:
    // REQUIRES: `body` outlives this.
    MultipartReader(BodyReader& body, std::string boundary, MultipartLimits limits = {});

    // Skips what is left of the current part and reads the next one's head; nullopt after the last. Throws Problem 400
    // bad_multipart (with the reason) for a broken or truncated body.
    Task<std::optional<PartHead>> next_part();

    // The next piece of the current part, empty at its end.
    Task<std::string_view> read();

private:
    enum class State { preamble, head, content, content_end, done };

    Task<bool> fill();
    Task<> need(std::size_t bytes);
    Task<> skip_preamble();
    Task<> take_delimiter_end();
    Task<PartHead> read_head();
    Task<> skip_epilogue();
    std::string_view pending() const { return std::string_view(buffer_).substr(begin_); }

    BodyReader& body_;
    std::string delimiter_;  // CR LF "--" boundary
    MultipartLimits limits_;
    std::string buffer_;  // what was read of the body and is not consumed before begin_
    std::size_t begin_ = 0;
    std::size_t part_count_ = 0;
    State state_ = State::preamble;
};

}  // namespace gatehouse::http
