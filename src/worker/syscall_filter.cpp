// SPDX-License-Identifier: Apache-2.0
#include "worker/syscall_filter.hpp"

#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace gatehouse::worker {

namespace {

// Names that a machine's architecture lacks are skipped.
constexpr const char* allowed_calls[] = {
    // files
    "access",
    "chdir",
    "chmod",
    "chown",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futimesat",
    "getcwd",
    "getdents",
    "getdents64",
    "getxattr",
    "ioctl",
    "lchown",
    "lgetxattr",
    "link",
    "linkat",
    "listxattr",
    "llistxattr",
    "lseek",
    "lstat",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "splice",
    "stat",
    "statfs",
    "statx",
    "symlink",
    "symlinkat",
    "sync_file_range",
    "tee",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
    "vmsplice",
    "write",
    "writev",
    // pipes and waiting
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd",
    "eventfd2",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    "signalfd",
    "signalfd4",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    // memory
    "brk",
    "get_mempolicy",
    "madvise",
    "mbind",
    "membarrier",
    "memfd_create",
    "mincore",
    "mlock",
    "mlock2",
    "mlockall",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munlock",
    "munlockall",
    "munmap",
    "set_mempolicy",
    // threads and the process itself
    "arch_prctl",
    "capget",
    "execve",
    "exit",
    "exit_group",
    "futex",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "getuid",
    "ioprio_get",
    "pause",
    "restart_syscall",
    "rseq",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_setaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sysinfo",
    "tgkill",
    "uname",
    // signals
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
    // time and chance
    "alarm",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "getitimer",
    "getrandom",
    "gettimeofday",
    "nanosleep",
    "setitimer",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_settime",
    "times",
};

// For programs that start others. kill() reaches no further than the sandbox where Landlock scopes signals.
constexpr const char* process_calls[] = {"fork", "kill", "tkill", "vfork", "wait4", "waitid", "waitpid"};

// Refused with EPERM, which reads better in a program's error message than ENOSYS.
constexpr const char* refused_calls[] = {
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socket",
    "socketpair",
    "acct",
    "add_key",
    "bpf",
    "chroot",
    "delete_module",
    "finit_module",
    "init_module",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "mount",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "perf_event_open",
    "personality",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "reboot",
    "request_key",
    "setdomainname",
    "setgid",
    "setgroups",
    "sethostname",
    "setns",
    "setpgid",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setsid",
    "setuid",
    "swapoff",
    "swapon",
    "syslog",
    "umount2",
    "unshare",
    "userfaultfd",
    "mknod",
    "mknodat",
    "setrlimit",
    "setpriority",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "ioprio_set",
    "clock_settime",
    "settimeofday",
    "clock_adjtime",
    "adjtimex",
    "capset",
    "seccomp",
    "quotactl",
};

class Filter final {
public:
    Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)))
    {
        if (!context_)
            throw std::runtime_error("seccomp_init failed");
    }
    ~Filter() { seccomp_release(context_); }
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;

    template <class... Conditions>
    void add(std::uint32_t action, const char* name, Conditions... conditions)
    {
        int call = seccomp_syscall_resolve_name(name);
        if (call == __NR_SCMP_ERROR)
            return;
        int error = seccomp_rule_add(context_, action, call, sizeof...(conditions), conditions...);
        // EDOM: the call is not one of this architecture's.
        if (error != 0 && error != -EDOM)
            throw std::runtime_error(std::string("seccomp: cannot add a rule for ") + name + ": " +
                                     std::strerror(-error));
    }

    // A binary tree instead of one comparison for each call in the list.
    void optimize() { (void)seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2); }

    std::vector<sock_filter> compile() const
    {
        UniqueFd file(memfd_create("gatehouse-seccomp", MFD_CLOEXEC));
        if (!file || seccomp_export_bpf(context_, file.get()) != 0)
            throw std::runtime_error("seccomp: cannot compile the filter");
        auto bytes = static_cast<std::size_t>(lseek(file.get(), 0, SEEK_END));
        std::vector<sock_filter> program(bytes / sizeof(sock_filter));
        if (pread(file.get(), program.data(), bytes, 0) != static_cast<ssize_t>(bytes))
            throw std::runtime_error("seccomp: cannot read the compiled filter");
        return program;
    }

private:
    scmp_filter_ctx context_;
};

void add_prctl(Filter& filter)
{
    // PR_SET_PDEATHSIG among others stays out of reach: a child must die with the program that started it.
    constexpr std::uint64_t pr_set_vma = 0x53564d41;
    for (std::uint64_t option : {std::uint64_t{PR_SET_NAME}, std::uint64_t{PR_GET_NAME}, std::uint64_t{PR_GET_DUMPABLE},
                                 std::uint64_t{PR_CAPBSET_READ}, std::uint64_t{PR_GET_NO_NEW_PRIVS},
                                 std::uint64_t{PR_GET_SECCOMP}, std::uint64_t{PR_GET_SECUREBITS}, pr_set_vma})
        filter.add(SCMP_ACT_ALLOW, "prctl", SCMP_A0(SCMP_CMP_EQ, option));
}

void add_clone(Filter& filter, Processes processes)
{
    constexpr std::uint64_t namespaces =
        CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS;
    // clone3() passes its flags in memory, which a filter cannot see: ENOSYS makes the C library use clone().
    if (processes == Processes::allowed)
        filter.add(SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
    else
        filter.add(SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces | CLONE_THREAD, CLONE_THREAD));
}

}  // namespace

std::vector<sock_filter> compile_syscall_filter(Processes processes)
{
    Filter filter;
    filter.optimize();
    for (const char* name : allowed_calls)
        filter.add(SCMP_ACT_ALLOW, name);
    for (const char* name : process_calls)
        filter.add(processes == Processes::allowed ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM), name);
    // Reading limits is harmless and common; changing them is not allowed.
    filter.add(SCMP_ACT_ALLOW, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0));
    for (const char* name : refused_calls)
        filter.add(SCMP_ACT_ERRNO(EPERM), name);
    add_prctl(filter);
    add_clone(filter, processes);
    return filter.compile();
}

}  // namespace gatehouse::worker
