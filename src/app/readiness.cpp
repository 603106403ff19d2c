// SPDX-License-Identifier: Apache-2.0
#include "app/readiness.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace gatehouse::app {

namespace {

// All as wide.
constexpr std::string_view passed = "ok  ";
constexpr std::string_view failed = "FAIL";
constexpr std::string_view missed = "warn";

std::string_view mark_of(const Readiness::Check& check)
{
    if (check.passes)
        return passed;
    return check.required ? failed : missed;
}

bool is_name(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// The mark, a space, the name. Of a check that passes the line does not say whether it is required.
std::optional<Readiness::Check> parse_check(std::string_view line)
{
    constexpr std::size_t name_at = passed.size() + 1;
    if (line.size() <= name_at || line[passed.size()] != ' ' || !is_name(line.substr(name_at)))
        return std::nullopt;
    std::string_view mark = line.substr(0, passed.size());
    if (mark != passed && mark != failed && mark != missed)
        return std::nullopt;
    return Readiness::Check{std::string(line.substr(name_at)), mark == passed, mark != missed};
}

}  // namespace

std::string summarize(const Readiness& readiness)
{
    std::vector<std::string_view> without;
    std::string_view phase;
    for (const Readiness::Check& check : readiness.checks) {
        if (check.passes)
            continue;
        if (check.name == Readiness::started)
            phase = ": it is starting";
        else if (check.name == Readiness::not_stopping)
            phase = ": it is stopping";
        else
            without.push_back(check.name);
    }
    std::string line = readiness.ready ? "ready" : "not ready";
    if (!without.empty())
        line += fmt::format(", without {}", fmt::join(without, ", "));
    return line.append(phase);
}

std::string to_lines(const Readiness& readiness)
{
    std::string lines;
    for (const Readiness::Check& check : readiness.checks)
        lines += fmt::format("{} {}\n", mark_of(check), check.name);
    return lines + summarize(readiness) + '\n';
}

std::optional<Readiness> parse_readiness(std::string_view lines)
{
    Readiness readiness;
    while (auto rest = cut_at(lines, '\n')) {
        std::string_view line = std::exchange(lines, *rest);
        if (auto check = parse_check(line)) {
            readiness.checks.push_back(std::move(*check));
            continue;
        }
        readiness.ready = line.starts_with("ready");
        bool known = readiness.ready || line.starts_with("not ready");
        if (!known || !lines.empty() || readiness.checks.empty())
            return std::nullopt;
        return readiness;
    }
    return std::nullopt;
}

}  // namespace gatehouse::app
