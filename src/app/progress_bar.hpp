// SPDX-License-Identifier: Apache-2.0
// A line on the terminal that says how far something is. Nothing where standard error is no terminal. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::app {

// "Importing  [##########----------]  50 %, 12 s left": what show() draws, `width` columns at most.
std::string draw_progress(std::string_view what, std::uint64_t done, std::uint64_t total, std::chrono::seconds elapsed,
                          std::size_t width);

class ProgressBar final {
public:
    ProgressBar(std::string what, std::uint64_t total);
    ~ProgressBar();  // wipes the line
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(std::uint64_t done);  // draws a few times in a second at most

private:
    std::string what_;
    std::uint64_t total_;
    bool terminal_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace gatehouse::app
