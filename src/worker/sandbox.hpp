// SPDX-License-Identifier: Apache-2.0
// The walls around a processor: what a child process may reach once it has shut itself in.
//
// - Landlock: it reads and runs what the system ships (/usr, /lib), reads the files named for the job and writes in one
//   directory. No TCP, no signals to others, where the kernel can tell.
// - seccomp: the calls in syscall_filter.cpp. No sockets at all.
// - No capabilities, no new privileges, resource limits, low priority, and first in line when memory runs out.
//
// None of it needs a privilege, so it works inside a restricted container. Prepared in the parent, where allocating is
// allowed; confine() runs in the child between fork and exec. Sandbox is immutable; any thread.
#pragma once

#include "base/unique_fd.hpp"
#include "worker/syscall_filter.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gatehouse::worker {

struct Access {
    std::vector<std::filesystem::path> readable;    // files
    std::vector<std::filesystem::path> executable;  // files
    std::filesystem::path writable;                 // a directory
};

// Limits of one process, set as rlimits.
struct ProcessLimits {
    std::uint64_t memory_bytes_max = 0;
    std::uint64_t file_bytes_max = 0;
    std::uint64_t cpu_seconds_max = 0;
};

class Sandbox final {
public:
    // Warns once in the log where the kernel lacks Landlock.
    Sandbox();

    // 0 where the kernel has none: then file permissions alone bound what a child can reach.
    int landlock_version() const { return landlock_version_; }

    // The Landlock rules for one child; no descriptor where the kernel has none. Throws std::system_error.
    UniqueFd make_ruleset(const Access& access) const;

    const std::vector<sock_filter>& filter(Processes processes) const;

private:
    int landlock_version_;
    std::vector<sock_filter> threads_only_;
    std::vector<sock_filter> with_processes_;
};

// Shuts the calling process in, for good. Async-signal-safe. The name of the step that failed (errno says why), or
// nullptr. `ruleset` is a descriptor or -1. REQUIRES: the caller is single-threaded and about to call execve().
const char* confine(int ruleset, const std::vector<sock_filter>& filter, const ProcessLimits& limits) noexcept;

}  // namespace gatehouse::worker
