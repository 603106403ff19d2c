// SPDX-License-Identifier: Apache-2.0
// The strict HTTP/1.1 parsers (RFC 9112), without input or output: bytes in, a message model out.
//
// They refuse every form that two implementations could read differently (docs/architecture.md, "Edge policy"): both
// framing headers, any transfer coding but exactly one `chunked`, more than one Content-Length or a list, obs-fold,
// bare CR or LF, white space around the colon, not exactly one Host or one that differs from an absolute target, bytes
// that do not belong into a target, a fragment. Names with '_' are refused in requests. Trailers are read, bounded, and
// dropped.
//
// Nothing received is ever forwarded as it is: serializer.hpp writes messages anew from the model.
#pragma once

#include "http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::http {

struct ParserLimits {
    std::size_t head_bytes_max = 32 * 1024;  // request line or status line and all header fields
    std::size_t target_bytes_max = 8 * 1024;
    std::size_t field_count_max = 100;
    std::size_t chunk_extension_bytes_max = 256;  // of one chunk
    std::size_t trailer_bytes_max = 8 * 1024;
};

enum class ParseError {
    none,
    head_too_large,   // 431
    target_too_long,  // 414
    too_many_fields,  // 431
    bad_request_line,
    bad_status_line,
    bad_method,
    bad_target,
    bad_version,  // 505 for a well-formed version that is not 1.0 or 1.1, else 400
    unsupported_version,
    bad_field_name,
    bad_field_value,
    bad_line_end,
    folded_field,
    bad_host,  // none, several, malformed, or another than the absolute target's
    bad_content_length,
    bad_transfer_encoding,  // 400; also for HTTP/1.0 with any transfer-encoding
    conflicting_framing,    // Transfer-Encoding and Content-Length
    bad_chunk_size,
    bad_chunk_end,
    chunk_extension_too_long,
    trailers_too_large,
    bad_trailer,
};
std::string_view describe(ParseError error);  // a sentence for the problem's detail
int status_for(ParseError error);             // 400, 414, 431 or 505

struct Framing {
    enum class Kind { none, length, chunked, until_close };
    Kind kind = Kind::none;
    std::uint64_t length = 0;
    bool operator==(const Framing&) const = default;
};

struct HeadResult {
    enum class State { incomplete, complete, invalid };
    State state = State::incomplete;
    ParseError error = ParseError::none;
    std::size_t consumed = 0;  // bytes of the head, with its empty line, when complete
    Framing framing;           // of the body that follows, when complete
    bool keep_alive = false;   // what the version and Connection say, when complete
    bool expect_continue = false;
};

// Parses a request head at the start of `input` into `head`. For a new message `scanned` is 0, and `head` is cleared.
// When the answer is `incomplete`, call again with the same `scanned` and `head` and an input that begins with the same
// bytes (it may have moved): finished lines are in `head` already, so arrival byte by byte costs linear time. An
// absolute-form target is reduced to origin form after its authority was compared with Host. One leading empty line is
// skipped (RFC 9112 section 2.2). CONNECT is refused. HTTP/1.0 is answered with `keep_alive` false, whatever it asks.
HeadResult parse_request_head(std::string_view input, std::size_t& scanned, const ParserLimits& limits,
                              RequestHead& head);

// The same for a response; the framing depends on the method of the request it answers. 1xx heads are complete messages
// without a body; the caller skips them.
HeadResult parse_response_head(std::string_view input, std::size_t& scanned, const ParserLimits& limits,
                               std::string_view request_method, ResponseHead& head);

// Takes a body out of a stream of bytes. Pieces are views into the input: nothing is copied.
class BodyDecoder final {
public:
    BodyDecoder() = default;
    BodyDecoder(Framing framing, const ParserLimits& limits);

    struct Step {
        std::size_t consumed = 0;  // bytes of the input that are done with
        std::string_view data;     // a piece of the body inside them, may be empty
        ParseError error = ParseError::none;
    };
    // Takes one step; call again with the rest while it consumes something and done() is false.
    Step decode(std::string_view input);

    bool done() const;
    // For until_close framing: the connection's end is the body's end. For the others the end came too early: false.
    bool finish_at_close();
    std::optional<std::uint64_t> length() const;  // the announced length, if any

private:
    enum class State {
        length,
        until_close,
        chunk_size,
        chunk_extension,
        chunk_size_lf,
        chunk_data,
        chunk_data_cr,
        chunk_data_lf,
        trailer_start,
        trailer_name,
        trailer_value,
        trailer_lf,
        last_lf,
        done,
        failed
    };

    ParseError take_framing_byte(char c);
    ParseError take_chunk_size_byte(char c);
    ParseError take_trailer_byte(char c);
    ParseError take_trailer_line_byte(char c);

    State state_ = State::done;
    ParseError error_ = ParseError::none;
    std::size_t extension_bytes_max_ = 0;
    std::size_t trailer_bytes_max_ = 0;
    std::optional<std::uint64_t> length_;
    std::uint64_t remaining_ = 0;  // of the body or the chunk
    std::size_t digit_count_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
};

}  // namespace gatehouse::http
