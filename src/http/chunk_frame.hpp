// SPDX-License-Identifier: Apache-2.0
// The chunked coding around a piece of memory, without copying it. For one piece at a time.
#pragma once

#include "http/stream_socket.hpp"
#include "http/trailers.hpp"

#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace gatehouse::http {

class ChunkFrame final {
public:
    // Adds the last chunk, with fields after the body.
    void add_last(Gather& gather, const Headers& trailers)
    {
        last_ = "0\r\n";
        append_trailers(last_, trailers);
        gather.add(last_);
    }

    // Adds `piece` as a chunk, or the last chunk when it is empty. Valid until the next call.
    void add(Gather& gather, std::string_view piece)
    {
        if (piece.empty()) {
            gather.add("0\r\n\r\n");
            return;
        }
        char* end = std::to_chars(size_line_.data(), size_line_.data() + size_line_.size() - 2, piece.size(), 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        gather.add({size_line_.data(), end});
        gather.add(piece);
        gather.add("\r\n");
    }

private:
    std::array<char, 20> size_line_{};
    std::string last_;
};

}  // namespace gatehouse::http
