// SPDX-License-Identifier: Apache-2.0
#include "worker/sandbox.hpp"

#include "base/log.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <string>
#include <system_error>

namespace gatehouse::worker {

namespace {

// Landlock as newer kernels know it; the packaged headers stop at version 2.
struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;  // from version 4
    std::uint64_t scoped;              // from version 6
};
constexpr std::uint64_t fs_truncate = 1U << 14U;   // from version 3
constexpr std::uint64_t fs_ioctl_dev = 1U << 15U;  // from version 5
constexpr std::uint64_t net_bind_and_connect = 3;
constexpr std::uint64_t scope_abstract_sockets_and_signals = 3;

constexpr std::uint64_t fs_version_1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
constexpr std::uint64_t fs_make_special =
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK;
// What may be granted on a file rather than a directory.
constexpr std::uint64_t fs_of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                      LANDLOCK_ACCESS_FS_READ_FILE | fs_truncate | fs_ioctl_dev;

// What a program needs to run at all. Paths that a system lacks are skipped. Nothing below /etc but the linker's cache,
// and nothing of /proc: both tell of other processes and of secrets.
constexpr const char* system_paths[] = {"/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache"};
constexpr const char* device_paths[] = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"};

int query_landlock_version()
{
    long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? static_cast<int>(version) : 0;
}

std::uint64_t handled_access(int version)
{
    std::uint64_t access = fs_version_1;
    if (version >= 2)
        access |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        access |= fs_truncate;
    if (version >= 5)
        access |= fs_ioctl_dev;
    return access;
}

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

enum class Missing { skipped, refused };

void allow(int ruleset, const std::filesystem::path& path, std::uint64_t access, Missing missing)
{
    UniqueFd file(open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!file) {
        if (missing == Missing::skipped && errno == ENOENT)
            return;
        fail("landlock: cannot open " + path.string());
    }
    struct stat status{};
    if (fstat(file.get(), &status) != 0)
        fail("landlock: cannot look at " + path.string());
    if (!S_ISDIR(status.st_mode))
        access &= fs_of_files;
    landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = file.get()};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        fail("landlock: cannot add a rule for " + path.string());
}

bool set_limit(decltype(RLIMIT_AS) resource, std::uint64_t soft, std::uint64_t hard) noexcept
{
    // A limit that is lower already stays: an unprivileged process cannot raise it.
    rlimit present{};
    if (getrlimit(resource, &present) == 0)
        hard = std::min<std::uint64_t>(hard, present.rlim_max);
    rlimit limit{.rlim_cur = std::min(soft, hard), .rlim_max = hard};
    return setrlimit(resource, &limit) == 0;
}

bool set_limit(decltype(RLIMIT_AS) resource, std::uint64_t value) noexcept { return set_limit(resource, value, value); }

void prefer_for_oom_kill() noexcept
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return;
    // Best effort: without it the kernel chooses by size, which is likely the child too.
    [[maybe_unused]] ssize_t written = write(file, "1000", 4);
    close(file);
}

bool drop_capabilities() noexcept
{
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct none[2]{};
    return syscall(SYS_capset, &header, none) == 0;
}

}  // namespace

Sandbox::Sandbox()
    : landlock_version_(query_landlock_version()), threads_only_(compile_syscall_filter(Processes::refused)),
      with_processes_(compile_syscall_filter(Processes::allowed))
{
    if (landlock_version_ == 0)
        log::warn("worker", "this kernel has no Landlock: processors can read every file that this user can read");
}

UniqueFd Sandbox::make_ruleset(const Access& access) const
{
    if (landlock_version_ == 0)
        return {};
    std::uint64_t handled = handled_access(landlock_version_);
    RulesetAttributes attributes{.handled_access_fs = handled,
                                 .handled_access_net = net_bind_and_connect,
                                 .scoped = scope_abstract_sockets_and_signals};
    // Older kernels refuse a structure with fields that they do not know.
    std::size_t size = landlock_version_ >= 6 ? 24U : landlock_version_ >= 4 ? 16U : 8U;
    UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
    if (!ruleset)
        fail("landlock: cannot create a ruleset");

    constexpr std::uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    constexpr std::uint64_t run = read | LANDLOCK_ACCESS_FS_EXECUTE;
    for (const char* path : system_paths)
        allow(ruleset.get(), path, run, Missing::skipped);
    for (const char* path : device_paths)
        allow(ruleset.get(), path, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE, Missing::skipped);
    for (const auto& path : access.readable)
        allow(ruleset.get(), path, read, Missing::refused);
    for (const auto& path : access.executable)
        allow(ruleset.get(), path, run, Missing::refused);
    // What a child writes it cannot execute.
    allow(ruleset.get(), access.writable, handled & ~(LANDLOCK_ACCESS_FS_EXECUTE | fs_make_special | fs_ioctl_dev),
          Missing::refused);
    return ruleset;
}

const std::vector<sock_filter>& Sandbox::filter(Processes processes) const
{
    return processes == Processes::allowed ? with_processes_ : threads_only_;
}

const char* confine(int ruleset, const std::vector<sock_filter>& filter, const ProcessLimits& limits) noexcept
{
    prefer_for_oom_kill();
    setpriority(PRIO_PROCESS, 0, 10);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return "no_new_privs";
    if (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return "landlock";
    if (!drop_capabilities())
        return "capset";
    // The process count is not limited: that limit counts all processes of the user, ours and other roles' included.
    if (!set_limit(RLIMIT_CORE, 0) || !set_limit(RLIMIT_NOFILE, 256) || !set_limit(RLIMIT_MEMLOCK, 64U << 10U) ||
        // At the soft limit comes SIGXCPU, which tells what happened; at the hard one SIGKILL, which does not.
        !set_limit(RLIMIT_CPU, limits.cpu_seconds_max, limits.cpu_seconds_max + 5) ||
        !set_limit(RLIMIT_FSIZE, limits.file_bytes_max) || !set_limit(RLIMIT_AS, limits.memory_bytes_max))
        return "setrlimit";
    sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                       .filter = const_cast<sock_filter*>(filter.data())};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return "seccomp";
    return nullptr;
}

}  // namespace gatehouse::worker
