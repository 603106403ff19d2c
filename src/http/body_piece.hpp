// SPDX-License-Identifier: Apache-2.0
// Takes the next piece of a body out of received bytes, for both directions.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/parser.hpp"

#include <string_view>

namespace gatehouse::http {

struct BodyPiece {
    std::string_view data;  // a view into the buffer, empty when more bytes are needed or the body has ended
    ParseError error = ParseError::none;
};

// Everything of the body that `buffer` holds, in one piece: small chunks are moved together in place, so that a body
// sent as thousands of them does not become thousands of writes. Bytes after the body stay in the buffer.
BodyPiece take_body_piece(Buffer& buffer, BodyDecoder& decoder);

}  // namespace gatehouse::http
