// SPDX-License-Identifier: Apache-2.0
#include "base/random.hpp"

#include <sodium.h>

#include <array>
#include <cstring>

namespace gatehouse {

namespace {

// Small requests are served from a block fetched at once: the generator makes a system call each time, which would be
// one for every request that gets an id. Bytes are wiped as they are given out.
struct Block {
    std::array<char, 1024> bytes{};
    std::size_t left = 0;

    void take(char* out, std::size_t count)
    {
        if (left < count) {
            randombytes_buf(bytes.data(), bytes.size());
            left = bytes.size();
        }
        char* from = bytes.data() + (left - count);
        std::memcpy(out, from, count);
        sodium_memzero(from, count);
        left -= count;
    }
};

constexpr std::size_t small_request_max = 64;

}  // namespace

void fill_random(std::span<char> bytes)
{
    thread_local Block block;
    if (bytes.size() <= small_request_max)
        block.take(bytes.data(), bytes.size());
    else
        randombytes_buf(bytes.data(), bytes.size());
}

std::string random_bytes(std::size_t count)
{
    std::string bytes(count, '\0');
    fill_random(bytes);
    return bytes;
}

}  // namespace gatehouse
