// SPDX-License-Identifier: Apache-2.0
#include "app/progress_bar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

constexpr std::chrono::milliseconds redraw_pause{100};
constexpr std::size_t width_default = 80;
constexpr std::size_t bar_max = 40;
// An estimate is worth something after a while only.
constexpr std::chrono::seconds estimate_after{2};

std::size_t terminal_width()
{
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : width_default;
}

std::string left_of(std::uint64_t done, std::uint64_t total, std::chrono::seconds elapsed)
{
    if (done == 0 || done >= total || elapsed < estimate_after)
        return "";
    auto share = static_cast<double>(total - done) / static_cast<double>(done);
    auto left = static_cast<long>(share * static_cast<double>(elapsed.count())) + 1;
    return left < 120 ? fmt::format(", {} s left", left) : fmt::format(", {} min left", left / 60);
}

}  // namespace

std::string draw_progress(std::string_view what, std::uint64_t done, std::uint64_t total, std::chrono::seconds elapsed,
                          std::size_t width)
{
    double share = total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    std::string end = fmt::format("] {:3} %{}", static_cast<int>(share * 100), left_of(done, total, elapsed));
    std::size_t taken = what.size() + 3 + end.size();
    std::size_t bar = taken < width ? std::min(bar_max, width - taken) : 0;
    auto full = static_cast<std::size_t>(share * static_cast<double>(bar));
    std::string line = fmt::format("{}  [{}{}{}", what, std::string(full, '#'), std::string(bar - full, '-'), end);
    return line.substr(0, width);
}

ProgressBar::ProgressBar(std::string what, std::uint64_t total)
    : what_(std::move(what)), total_(total), terminal_(isatty(STDERR_FILENO) == 1)
{
}

ProgressBar::~ProgressBar()
{
    if (drawn_)
        std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(std::uint64_t done)
{
    auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - last_ < redraw_pause)
        return;
    last_ = now;
    drawn_ = true;
    auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(now - began_);
    // The last column stays free: some terminals would begin a new line.
    std::string line = draw_progress(what_, done, total_, elapsed, terminal_width() - 1);
    std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
    std::fflush(stderr);
}

}  // namespace gatehouse::app
