// SPDX-License-Identifier: Apache-2.0
// Which fields may follow a body, and how they are collected and written (RFC 9110 section 6.5). No state, any thread.
#pragma once

#include "http/message.hpp"
#include "http/parser.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::http {

// False for a field that tells the framing, the routing, who asks, or how the body is to be read: those must be known
// before the body, and one that comes after it is an attempt to get around who has looked at them. Lower case.
bool may_be_trailer(std::string_view name);

// The fields after one message's body, as they come. What may not stand there is left out.
class TrailerCollector final {
public:
    void clear();

    // False when they are too many or malformed.
    [[nodiscard]] bool add(std::string_view name, std::string_view value, const ParserLimits& limits);

    const Headers& fields() const { return fields_; }

private:
    Headers fields_;
    std::size_t bytes_ = 0;
    std::size_t count_ = 0;
};

// Appends them in HTTP/1.1's form, with the empty line that ends the message.
void append_trailers(std::string& out, const Headers& trailers);

}  // namespace gatehouse::http
