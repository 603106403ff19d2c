// SPDX-License-Identifier: Apache-2.0
// How the fuzz targets cut their input into the pieces in which it arrives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatehouse::fuzz {

inline std::string_view to_text(const std::uint8_t* data, std::size_t size)
{
    return {reinterpret_cast<const char*>(data), size};
}

// Sizes between 1 and 13, the same for the same input.
class PieceSizes final {
public:
    explicit PieceSizes(std::string_view input)
    {
        for (char c : input)
            state_ = state_ * 31 + static_cast<unsigned char>(c);
    }
    std::size_t next()
    {
        state_ = state_ * 1664525U + 1013904223U;
        return 1 + (state_ >> 16U) % 13;
    }

private:
    std::uint32_t state_ = 17;
};

}  // namespace gatehouse::fuzz
