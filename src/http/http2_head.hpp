// SPDX-License-Identifier: Apache-2.0
// Makes the head of a request out of the fields of an HTTP/2 header block, and refuses what the HTTP/1.1 parser would
// refuse: what both accept is the same request to whoever comes behind.
//
// libnghttp2 has checked before: the pseudo-header fields and their order, the bytes of names and values, fields that
// belong to one connection, content-length against the body. No input or output; one thread.
#pragma once

#include "http/message.hpp"
#include "http/parser.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::http {

class Http2HeadBuilder final {
public:
    // For a new request; `head` outlives its building.
    void begin(RequestHead& head, const ParserLimits& limits, std::size_t bytes_max);

    // False when the block is so far beyond the limits that reading on would be work for an attacker.
    [[nodiscard]] bool add(std::string_view name, std::string_view value);
    // A field that libnghttp2 would leave out.
    void refuse_field() { refuse(ParseError::bad_field_value); }

    // Judges the whole.
    ParseError finish();

    // After finish().
    std::optional<std::uint64_t> content_length() const { return content_length_; }
    bool expect_continue() const { return expect_continue_; }

private:
    void add_pseudo(std::string_view name, std::string_view value);
    void add_field(std::string_view name, std::string_view value);
    void add_cookie(std::string_view value);
    void refuse(ParseError error);

    RequestHead* head_ = nullptr;
    const ParserLimits* limits_ = nullptr;
    std::size_t bytes_max_ = 0;
    std::size_t bytes_ = 0;
    std::size_t field_count_ = 0;
    ParseError error_ = ParseError::none;
    std::string cookies_;
    std::optional<std::uint64_t> content_length_;
    bool expect_continue_ = false;
};

}  // namespace gatehouse::http
