// SPDX-License-Identifier: Apache-2.0
#include "http/parser.hpp"

namespace gatehouse::http {

std::string_view describe(ParseError error)
{
    switch (error) {
    case ParseError::none: return "The message is well-formed.";
    case ParseError::head_too_large: return "The message head is larger than this server accepts.";
    case ParseError::target_too_long: return "The request target is longer than this server accepts.";
    case ParseError::too_many_fields: return "The message has more header fields than this server accepts.";
    case ParseError::bad_request_line: return "The request line is malformed.";
    case ParseError::bad_status_line: return "The status line is malformed.";
    case ParseError::bad_method: return "The method is malformed or not supported.";
    case ParseError::bad_target: return "The request target is malformed.";
    case ParseError::bad_version: return "The HTTP version is malformed.";
    case ParseError::unsupported_version: return "Only HTTP/1.0 and HTTP/1.1 are supported here.";
    case ParseError::bad_field_name: return "The name of a header field is malformed.";
    case ParseError::bad_field_value: return "The value of a header field is malformed.";
    case ParseError::bad_line_end: return "A line does not end with CR LF.";
    case ParseError::folded_field: return "A header field is folded over several lines.";
    case ParseError::bad_host: return "There must be exactly one valid Host field, and it must name the target's host.";
    case ParseError::bad_content_length:
        return "There must be at most one Content-Length field, with one decimal number.";
    case ParseError::bad_transfer_encoding: return "The only supported Transfer-Encoding is a single \"chunked\".";
    case ParseError::conflicting_framing: return "Content-Length and Transfer-Encoding exclude each other.";
    case ParseError::bad_chunk_size: return "The size line of a chunk is malformed.";
    case ParseError::bad_chunk_end: return "The data of a chunk does not end with CR LF.";
    case ParseError::chunk_extension_too_long: return "A chunk extension is longer than this server accepts.";
    case ParseError::trailers_too_large: return "The trailer section is larger than this server accepts.";
    case ParseError::bad_trailer: return "A trailer field is malformed.";
    }
    return "The message is malformed.";
}

int status_for(ParseError error)
{
    switch (error) {
    case ParseError::head_too_large:
    case ParseError::too_many_fields: return 431;
    case ParseError::target_too_long: return 414;
    case ParseError::unsupported_version: return 505;
    default: return 400;
    }
}

}  // namespace gatehouse::http
