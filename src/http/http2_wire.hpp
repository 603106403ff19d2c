// SPDX-License-Identifier: Apache-2.0
// What both sides of HTTP/2 share in how they use libnghttp2: the body that a stream sends, fields, and frames on their
// way into a buffer. For http2_session.cpp and http2_client_session.cpp alone. One thread.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/http2_output.hpp"
#include "http/message.hpp"

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace gatehouse::http::http2 {

struct OptionDeleter {
    void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
struct CallbacksDeleter {
    void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};
using OptionPointer = std::unique_ptr<nghttp2_option, OptionDeleter>;
using CallbacksPointer = std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter>;

// Flow control by hand and the library's own limits, which both sides set alike. Throws std::bad_alloc.
OptionPointer make_options();

inline std::string_view text(const std::uint8_t* bytes, std::size_t size)
{
    return {reinterpret_cast<const char*>(bytes), size};
}

// What stays where it is, and what changes under the library's hands.
constexpr std::uint8_t kept = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
constexpr std::uint8_t copied = NGHTTP2_NV_FLAG_NO_COPY_NAME;
constexpr std::uint8_t copied_both = NGHTTP2_NV_FLAG_NONE;

nghttp2_nv make_field(std::string_view name, std::string_view value, std::uint8_t flags);

// Values that are never sent twice would push useful ones out of the table of known fields; secrets do not belong
// there.
inline bool is_worth_remembering(std::string_view name)
{
    return name != "x-request-id" && name != "set-cookie" && name != "authorization" && name != "cookie" &&
           name != "traceparent";
}

// The library's callbacks for sending, into `output`. No exception may pass through it.
ssize_t take_frame(Buffer& output, const std::uint8_t* bytes, std::size_t size);
int take_data(Buffer& output, const std::uint8_t* head, std::size_t size, const nghttp2_data_source& source);
// `source` is an Http2Output.
nghttp2_data_provider provider_of(Http2Output& output);

template <class Function>
int guard(Function function)
{
    try {
        return function();
    } catch (...) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;  // no memory
    }
}

}  // namespace gatehouse::http::http2
