// SPDX-License-Identifier: Apache-2.0
// How much pointless work the peer of one HTTP/2 connection may cause: frames that are allowed one by one, and whose
// flood is an attack (rapid reset, MadeYouReset, PING, SETTINGS, empty frames, refused heads).
//
// A bucket of points that fills up again with time. One thread.
#pragma once

#include "http/deadline.hpp"

#include <algorithm>
#include <cstdint>

namespace gatehouse::http {

class Http2Budget final {
public:
    // Prices. A whole glitch is what no client does in a hurry; the small ones have honest uses.
    static constexpr std::int64_t glitch = 100;
    static constexpr std::int64_t small_glitch = 10;

    // `burst` and `per_second` count glitches.
    Http2Budget(std::uint32_t burst, std::uint32_t per_second)
        : burst_(burst * glitch), per_second_(per_second * glitch), points_(burst_), filled_at_(coarse_now())
    {
    }

    // False when nothing is left; then the connection ends.
    bool spend(std::int64_t points)
    {
        SteadyTime now = coarse_now();
        auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - filled_at_).count();
        if (std::int64_t gained = std::min<std::int64_t>(milliseconds, 60'000) * per_second_ / 1000; gained > 0) {
            points_ = std::min(burst_, points_ + gained);
            filled_at_ = now;
        }
        points_ -= points;
        return points_ >= 0;
    }

private:
    std::int64_t burst_;
    std::int64_t per_second_;
    std::int64_t points_;
    SteadyTime filled_at_;
};

}  // namespace gatehouse::http
