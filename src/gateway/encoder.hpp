// SPDX-License-Identifier: Apache-2.0
// A stream of bytes to gzip or brotli, piece by piece. One thread at a time; its memory is bounded: about 270 KiB for
// gzip, 1 MiB for brotli, beside what a piece becomes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace gatehouse::gateway {

enum class Coding { identity, gzip, brotli };

// "gzip", "br".
std::string_view name_of(Coding coding);

class Encoder {
public:
    virtual ~Encoder() = default;

    // What must go on after these bytes: `flush` makes everything so far decodable, `finish` ends the stream.
    enum class Then { more, flush, finish };

    // Appends what comes out to `out`. Throws std::bad_alloc.
    virtual void encode(std::string_view bytes, Then then, std::string& out) = 0;
};

// nullptr for `identity`, and while the process has as many encoders as it may (encoders_max): then the answer goes out
// as it is.
std::unique_ptr<Encoder> make_encoder(Coding coding);

inline constexpr std::size_t encoders_max = 256;

}  // namespace gatehouse::gateway
