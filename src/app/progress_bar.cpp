// SPDX-License-Identifier: Apache-2.0
#include "app/progress_bar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

constexpr std::chrono::milliseconds redraw_pause{100};
constexpr std::chrono::seconds line_pause{10};
constexpr std::size_t width_default = 80;
constexpr std::size_t bar_max = 40;
// An estimate is worth something after a while only.
constexpr std::chrono::seconds estimate_after{2};

std::size_t terminal_width()
{
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : width_default;
}

std::string left_of(std::uint64_t done, std::uint64_t total, std::chrono::milliseconds elapsed)
{
    if (done == 0 || done >= total || elapsed < estimate_after)
        return "";
    auto share = static_cast<double>(total - done) / static_cast<double>(done);
    auto left = static_cast<long>(share * std::chrono::duration<double>(elapsed).count()) + 1;
    return left < 120 ? fmt::format(", {} s left", left) : fmt::format(", {} min left", left / 60);
}

std::string rate_of(std::uint64_t done, std::chrono::milliseconds elapsed)
{
    if (elapsed.count() <= 0)
        return "";
    return fmt::format(", {}/s", format_bytes(done * 1000 / static_cast<std::uint64_t>(elapsed.count())));
}

int percent_of(std::uint64_t done, std::uint64_t total)
{
    return total == 0 || done >= total ? 100
                                       : static_cast<int>(static_cast<double>(done) / static_cast<double>(total) * 100);
}

}  // namespace

std::string format_bytes(std::uint64_t bytes)
{
    constexpr std::array<std::string_view, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    auto amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < units.size(); ++unit)
        amount /= 1024;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, units[unit]);
}

std::string draw_progress(std::string_view what, std::uint64_t done, std::uint64_t total,
                          std::chrono::milliseconds elapsed, std::size_t width, Unit unit)
{
    double share = total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    std::string end = fmt::format("] {:3} %{}{}", percent_of(done, total),
                                  unit == Unit::bytes ? rate_of(done, elapsed) : "", left_of(done, total, elapsed));
    std::size_t taken = what.size() + 3 + end.size();
    std::size_t bar = taken < width ? std::min(bar_max, width - taken) : 0;
    auto full = static_cast<std::size_t>(share * static_cast<double>(bar));
    std::string line = fmt::format("{}  [{}{}{}", what, std::string(full, '#'), std::string(bar - full, '-'), end);
    return line.substr(0, width);
}

ProgressBar::ProgressBar(std::string what, std::uint64_t total, Unit unit)
    : what_(std::move(what)), total_(total), unit_(unit), terminal_(isatty(STDERR_FILENO) == 1)
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
    auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
    if (!terminal_) {
        if (unit_ == Unit::items || now - std::max(last_, began_) < line_pause)
            return;
        last_ = now;
        fmt::print(stderr, "{}: {} of {}, {} %{}{}\n", what_, format_bytes(done), format_bytes(total_),
                   percent_of(done, total_), rate_of(done, elapsed), left_of(done, total_, elapsed));
        return;
    }
    if (now - last_ < redraw_pause)
        return;
    last_ = now;
    drawn_ = true;
    // The last column stays free: some terminals would begin a new line.
    std::string line = draw_progress(what_, done, total_, elapsed, terminal_width() - 1, unit_);
    std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
    std::fflush(stderr);
}

}  // namespace gatehouse::app
