// SPDX-License-Identifier: Apache-2.0
#include "worker/examination.hpp"

#include "worker/child_process.hpp"
#include "worker/ffmpeg.hpp"
#include "worker/processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <system_error>

namespace gatehouse::worker {

namespace {

constexpr std::chrono::seconds try_max{10};

Finding missing_ffmpeg(const Config& config, const Tools& tools)
{
    std::string name = tools.ffmpeg.empty() ? config.ffmpeg : "ffprobe";
    return Finding::fail(fmt::format("the program {} is not there: no media can be processed", name),
                         "apt install ffmpeg, or say in worker.ffmpeg where it is, or leave its processors out of "
                         "worker.processors");
}

std::string first_word_line(std::string_view text) { return std::string(text.substr(0, text.find_first_of("\r\n"))); }

// Runs it as a processor would be run; it says its version and ends.
Finding try_ffmpeg(const Tools& tools, const Sandbox& sandbox, const std::filesystem::path& scratch)
{
    Command command;
    command.arguments = {tools.ffmpeg.string(), "-hide_banner", "-nostdin", "-version"};
    command.directory = scratch;
    command.time_max = try_max;
    constexpr std::string_view remedy =
        "run it by hand; in a container or a systemd unit look for what forbids seccomp, Landlock or prctl";
    try {
        KillSwitch never;
        Outcome outcome = run_child(sandbox, command, never);
        if (outcome.succeeded())
            return Finding::ok(
                fmt::format("{} runs in the sandbox: {}", tools.ffmpeg.string(), first_word_line(outcome.output)));
        return Finding::fail(fmt::format("{} does not run in the sandbox: {}", tools.ffmpeg.string(),
                                         last_line(outcome.errors, scratch)),
                             std::string(remedy));
    } catch (const std::system_error& error) {
        return Finding::fail(error.what(), std::string(remedy));
    }
}

Finding judge_landlock(int version)
{
    if (version > 0)
        return Finding::ok(fmt::format("Landlock (version {}) and seccomp confine the programs", version));
    return Finding::warn("this kernel has no Landlock: processors can read every file that this user can read",
                         "boot a kernel from 5.13 on with landlock in its lsm= list, or let nothing else be readable "
                         "to the user of the worker");
}

}  // namespace

Findings examine_programs(const Config& config, const std::filesystem::path& scratch)
{
    Findings findings;
    Sandbox sandbox;
    findings.push_back(judge_landlock(sandbox.landlock_version()));
    auto built_in = [](const Processor& processor) { return kind_of(processor) != Kind::command; };
    if (std::ranges::any_of(config.processors, built_in)) {
        Tools tools = find_tools(config.ffmpeg);
        findings.push_back(tools.ffmpeg.empty() || tools.ffprobe.empty() ? missing_ffmpeg(config, tools)
                                                                         : try_ffmpeg(tools, sandbox, scratch));
    }
    for (const Processor& processor : config.processors) {
        if (kind_of(processor) != Kind::command)
            continue;
        auto program = find_program(processor.command[0]);
        if (program.empty())
            findings.push_back(Finding::fail(
                fmt::format("the program {} of the processor {} is not there", processor.command[0], processor.name),
                fmt::format("install it, or correct the command of `{}` in worker.processors", processor.name)));
        else
            findings.push_back(
                Finding::ok(fmt::format("{} is there for the processor {}", program.string(), processor.name)));
    }
    return findings;
}

}  // namespace gatehouse::worker
