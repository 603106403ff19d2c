// SPDX-License-Identifier: Apache-2.0
// A line on the terminal that says how far something is. Where standard error is no terminal, a plain line every ten
// seconds for a transfer, and nothing for other things. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::app {

enum class Unit { items, bytes };

// "1.5 GiB"
std::string format_bytes(std::uint64_t bytes);

// "Importing  [##########----------]  50 %, 12 s left": what show() draws, `width` columns at most. Of bytes
// the rate, too: "50 %, 3.2 MiB/s, 12 s left".
std::string draw_progress(std::string_view what, std::uint64_t done, std::uint64_t total,
                          std::chrono::milliseconds elapsed, std::size_t width, Unit unit = Unit::items);

class ProgressBar final {
public:
    ProgressBar(std::string what, std::uint64_t total, Unit unit = Unit::items);
    ~ProgressBar();  // wipes the line
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(std::uint64_t done);  // draws a few times in a second at most

private:
    std::string what_;
    std::uint64_t total_;
    Unit unit_;
    bool terminal_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace gatehouse::app
