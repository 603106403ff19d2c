// SPDX-License-Identifier: Apache-2.0
// Runs one program in the sandbox, from fork to the last of its descendants.
//
// run_child() blocks its thread until the program has ended, so it belongs on a pool. That thread must outlive the
// child: the kernel kills the child when the thread that forked it ends, which is how a killed server leaves nothing
// running. Another thread ends the child early through a KillSwitch.
#pragma once

#include "base/unique_fd.hpp"
#include "worker/sandbox.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::worker {

// Asks a running child to be killed; stays asked. Any thread.
class KillSwitch final {
public:
    KillSwitch();
    void request() noexcept;
    int descriptor() const { return event_.get(); }  // readable once requested

private:
    UniqueFd event_;
};

struct Command {
    std::vector<std::string> arguments;           // the first is the program's absolute path
    std::filesystem::path directory;              // where it runs and what it may write; HOME and TMPDIR too
    std::vector<std::filesystem::path> readable;  // further files it may read
    Processes processes = Processes::refused;
    std::chrono::milliseconds time_max{60'000};
    std::uint64_t memory_bytes_max = 2ULL << 30U;
    std::uint64_t file_bytes_max = 1ULL << 30U;
    std::size_t output_bytes_max = 64U << 10U;  // kept of standard output; more is read and dropped

    // Called on the running thread with each piece of standard output.
    std::function<void(std::string_view)> on_output;
};

enum class Ending {
    exited,     // by itself: `code` is the exit code
    signalled,  // `code` is the signal
    timed_out,
    killed,  // by the KillSwitch
};

struct Outcome {
    Ending ending = Ending::exited;
    int code = 0;
    std::string output;  // the beginning of standard output
    std::string errors;  // the end of standard error

    bool succeeded() const { return ending == Ending::exited && code == 0; }
};

// Throws std::system_error when the program could not be started: that is this machine's fault, not the input's.
// When it returns nothing of the child's process group is left.
Outcome run_child(const Sandbox& sandbox, const Command& command, const KillSwitch& kill_switch);

// "/usr/bin/ffmpeg" for "ffmpeg", by PATH; an absolute path as it is. Empty when there is no such program.
std::filesystem::path find_program(std::string_view name);

}  // namespace gatehouse::worker
