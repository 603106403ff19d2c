// SPDX-License-Identifier: Apache-2.0
// The body that one HTTP/2 stream sends, either way: where the session takes it from. One thread.
#pragma once

#include "http/message.hpp"

#include <string_view>

namespace gatehouse::http {

class Http2Output {
public:
    Http2Output() = default;
    virtual ~Http2Output() = default;
    Http2Output(const Http2Output&) = delete;
    Http2Output& operator=(const Http2Output&) = delete;

    virtual void output_taken() = 0;  // some of `output` was, or all

    // What is to be sent. It stays where it is until output_taken() says that it is done with.
    std::string_view output;
    bool output_ends = false;                  // nothing comes after `output` but the trailers
    const Headers* output_trailers = nullptr;  // null or empty: none; they stay until the end was sent
};

}  // namespace gatehouse::http
