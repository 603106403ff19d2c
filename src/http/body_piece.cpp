// SPDX-License-Identifier: Apache-2.0
#include "http/body_piece.hpp"

#include <cstring>

namespace gatehouse::http {

BodyPiece take_body_piece(Buffer& buffer, BodyDecoder& decoder)
{
    char* begin = nullptr;
    std::size_t size = 0;
    while (!buffer.empty() && !decoder.done()) {
        char* input = buffer.data();
        BodyDecoder::Step step = decoder.decode(buffer.view());
        buffer.consume(step.consumed);
        if (!step.data.empty()) {
            char* data = input + (step.data.data() - input);
            if (!begin)
                begin = data;
            else
                std::memmove(begin + size, data, step.data.size());
            size += step.data.size();
        }
        // After data an error is told the next time: the decoder stays at it.
        if (step.error != ParseError::none && size == 0)
            return {{}, step.error};
        if (step.error != ParseError::none || step.consumed == 0)
            break;
    }
    return {{begin, size}, ParseError::none};
}

}  // namespace gatehouse::http
