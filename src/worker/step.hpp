// SPDX-License-Identifier: Apache-2.0
// One processor over one file, from path to path: knows programs and directories, nothing of stores and queues.
//
// Blocks its thread, as run_child() does. The layout of a job's directory, of which `input` is the source's content:
//
//   <directory>/input            readable for every processor, writable for none
//   <directory>/<processor>/     the processor's own: its working directory, holding its result
#pragma once

#include "base/unique_fd.hpp"
#include "worker/child_process.hpp"
#include "worker/config.hpp"
#include "worker/ffmpeg.hpp"
#include "worker/sandbox.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::worker {

enum class Verdict {
    made,
    not_needed,  // there is nothing to make: a thumbnail of a film without pictures
    refused,     // the content is why: the same input would end the same way
    crashed,     // the program died of a signal or ran into a limit: bad luck, or the limit is for somebody to raise
    killed,      // by the KillSwitch
};

struct StepResult {
    Verdict verdict = Verdict::made;
    std::string reason;  // a sentence for people, when refused or crashed
    UniqueFd content;    // the result, open for reading, when made
    std::uint64_t size = 0;
};

// What the steps of one job share. One thread at a time.
class StepRunner final {
public:
    // `media_type` is the source's. The references outlive it.
    StepRunner(const Sandbox& sandbox, const Tools& tools, const KillSwitch& kill_switch,
               std::filesystem::path directory, std::string media_type);

    std::filesystem::path input() const { return directory_ / "input"; }

    // `on_progress` is called on this thread. Throws Unavailable or std::system_error for what is not the file's fault:
    // a missing program, a full disk.
    StepResult run(const Processor& processor, const std::function<void(int percent)>& on_progress);

private:
    struct Probed;

    const Probed& probe();
    StepResult make_audio(const Processor& processor, const std::filesystem::path& output,
                          const std::function<void(int)>& on_progress);
    StepResult make_thumbnail(const Processor& processor, const std::filesystem::path& output);
    StepResult run_command(const Processor& processor, const std::filesystem::path& output);
    Command make_command(const Processor& processor, std::vector<std::string> arguments) const;
    StepResult judge(const Processor& processor, const Outcome& outcome, const std::filesystem::path& output) const;

    const Sandbox& sandbox_;
    const Tools& tools_;
    const KillSwitch& kill_switch_;
    std::filesystem::path directory_;
    std::string media_type_;
    std::shared_ptr<const Probed> probed_;
};

}  // namespace gatehouse::worker
