// SPDX-License-Identifier: Apache-2.0
// The system calls that a processor may make, as a seccomp program ready to be installed in a child.
//
// It is a list of what is allowed: files, memory, threads, time, signals, pipes. Everything else is refused: what
// programs commonly try (sockets, mounts, tracing, ...) with EPERM, the rest, and whatever kernels learn later, with
// ENOSYS, so that the C library uses an older call instead. Compiled once at start, because compiling allocates and a
// forked child of a process with threads must not.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace gatehouse::worker {

enum class Processes {
    refused,  // threads only: all that ffmpeg needs
    allowed,  // the program may start others, as a shell script does; none can leave the process group
};

// Throws std::runtime_error when libseccomp cannot make a program for this machine.
std::vector<sock_filter> compile_syscall_filter(Processes processes);

}  // namespace gatehouse::worker
