// SPDX-License-Identifier: Apache-2.0
// Content of files, for tests and benchmarks of file stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gatehouse::testing {

// Bytes that differ from place to place, so that a shifted range shows.
inline std::string make_content(std::size_t size)
{
    std::string content(size, '\0');
    std::uint32_t x = 2463534242U;
    for (char& c : content) {
        x ^= x << 13U;
        x ^= x >> 17U;
        x ^= x << 5U;
        c = static_cast<char>(x);
    }
    return content;
}

}  // namespace gatehouse::testing
