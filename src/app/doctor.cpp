// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.hpp"

#include "app/doctor_checks.hpp"
#include "app/terminal.hpp"
#include "base/json.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>
#include <memory>
#include <thread>

#include <unistd.h>

namespace gatehouse::app {

namespace {

using Level = Finding::Level;

// Longer than any driver waits for its server.
constexpr std::chrono::seconds check_max{30};

struct Told {
    std::string check;
    Finding finding;
};

struct Diagnosis {
    std::vector<Told> told;
    bool complete = true;  // false: a check goes on, on its thread

    std::size_t count(Level level) const
    {
        return static_cast<std::size_t>(
            std::ranges::count_if(told, [level](const Told& one) { return one.finding.level == level; }));
    }
};

Findings run_check(const Check& check, const Surroundings& around)
{
    try {
        return check.run(around);
    } catch (const std::exception& error) {
        return {Finding::fail(error.what(), "look into the log of the server; docs/operations.md may know it")};
    }
}

// All at once; each has its time, whatever becomes of the others.
Diagnosis run_checks(const std::shared_ptr<const Surroundings>& around)
{
    std::vector<std::future<Findings>> outcomes;
    for (const Check& check : all_checks()) {
        std::promise<Findings> promise;
        outcomes.push_back(promise.get_future());
        std::thread([around, &check, outcome = std::move(promise)]() mutable {
            outcome.set_value(run_check(check, *around));
        }).detach();
    }
    auto deadline = std::chrono::steady_clock::now() + check_max;
    Diagnosis diagnosis;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        std::string name(all_checks()[i].name);
        if (outcomes[i].wait_until(deadline) == std::future_status::ready) {
            for (Finding& finding : outcomes[i].get())
                diagnosis.told.push_back({name, std::move(finding)});
            continue;
        }
        diagnosis.complete = false;
        diagnosis.told.push_back({name, Finding::fail(fmt::format("no answer within {} s", check_max.count()),
                                                      "see whether the network drops packets to what is named there, "
                                                      "and whether its name can be resolved")});
    }
    return diagnosis;
}

std::string_view word_of(Level level)
{
    constexpr std::array<std::string_view, 3> words{"ok", "warn", "fail"};
    return words[static_cast<std::size_t>(level)];
}

std::string_view color_of(Level level)
{
    constexpr std::array<std::string_view, 3> colors{"\x1b[32m", "\x1b[33m", "\x1b[31m"};
    return colors[static_cast<std::size_t>(level)];
}

// What a server said may have several lines, or worse.
std::string on_one_line(std::string text)
{
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return text;
}

void print_text(const Diagnosis& diagnosis)
{
    bool color = wants_color(STDOUT_FILENO);
    std::size_t width = 0;
    for (const Told& told : diagnosis.told)
        width = std::max(width, told.check.size());
    for (const auto& [check, finding] : diagnosis.told) {
        fmt::print("{}{:4}{}  {:{}}  {}\n", color ? color_of(finding.level) : "", word_of(finding.level),
                   color ? "\x1b[0m" : "", check, width, on_one_line(finding.what));
        if (!finding.remedy.empty())
            fmt::print("      {:{}}  -> {}\n", "", width, finding.remedy);
    }
    fmt::print("\n{} ok, {} warn, {} fail\n", diagnosis.count(Level::ok), diagnosis.count(Level::warn),
               diagnosis.count(Level::fail));
}

void print_json(const Diagnosis& diagnosis)
{
    json::array findings;
    for (const auto& [check, finding] : diagnosis.told) {
        json::object one{{"check", check}, {"level", word_of(finding.level)}, {"what", finding.what}};
        one["remedy"] = finding.remedy.empty() ? json::value(nullptr) : json::value(json::string(finding.remedy));
        findings.push_back(std::move(one));
    }
    json::object all{{"findings", std::move(findings)}};
    for (Level level : {Level::ok, Level::warn, Level::fail})
        all[word_of(level)] = diagnosis.count(level);
    fmt::print("{}\n", json::serialize(all));
}

void print(const CommandLine& line, const Diagnosis& diagnosis)
{
    line.json ? print_json(diagnosis) : print_text(diagnosis);
}

// An error of the configuration names its place and key already.
Finding judge_error(const std::string& error)
{
    if (error.contains("ermission denied"))
        return Finding::fail(error, fmt::format("let the user {} read it (chown, chmod), or run this as the user that "
                                                "the server runs as",
                                                user_name(::geteuid())));
    return Finding::fail(error, "correct it there, then gatehouse config check; docs/configuration.md has every key");
}

}  // namespace

int doctor(const CommandLine& line)
{
    // What drivers warn of comes back as findings.
    log::configure(log::Format::text, log::Level::error);
    Sources sources = sources_of(line);
    auto loaded = load_config(sources);
    Diagnosis start;
    if (!loaded) {
        for (const std::string& error : loaded.error())
            start.told.push_back({"configuration", judge_error(error)});
        print(line, start);
        return 2;
    }
    for (const std::string& warning : loaded->warnings)
        start.told.push_back(
            {"configuration", Finding::warn(warning, "correct it there, then gatehouse config check")});
    if (loaded->warnings.empty())
        start.told.push_back({"configuration", Finding::ok(sources.file ? sources.file->string()
                                                                        : "no file, the defaults are in force")});
    auto diagnosis = run_checks(std::make_shared<const Surroundings>(look_around(std::move(loaded->config))));
    diagnosis.told.insert(diagnosis.told.begin(), start.told.begin(), start.told.end());
    print(line, diagnosis);
    int code = diagnosis.count(Level::fail) == 0 ? 0 : 1;
    if (!diagnosis.complete) {
        // Not over a thread that is stuck in a driver.
        std::fflush(stdout);
        ::_exit(code);
    }
    return code;
}

}  // namespace gatehouse::app
