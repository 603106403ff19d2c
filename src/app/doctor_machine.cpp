// SPDX-License-Identifier: Apache-2.0
// `gatehouse doctor`: the server that runs, its data directory, the disk, the limits of the process.
#include "app/control.hpp"
#include "app/data_directory.hpp"
#include "app/doctor_checks.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr Check checks[] = {
    {"server", check_server},
    {"ports", check_ports},
    {"data", check_data},
    {"disk", check_disk},
    {"limits", check_limits},
    {"auth.store", check_auth_store},
    {"files.store", check_files_store},
    {"events.store", check_events_store},
    {"keys", check_keys},
    {"certificates", check_certificates},
    {"roles", check_roles_elsewhere},
    {"upstreams", check_upstreams},
    {"programs", check_programs},
    {"mail", check_mail},
};

// The process that holds the lock of the data directory. Read from the kernel's list: trying the lock could get in the
// way of a server that starts.
std::optional<pid_t> find_lock_holder(const fs::path& data)
{
    struct stat info{};
    if (::stat((data / "lock").c_str(), &info) != 0)
        return std::nullopt;
    std::string wanted = fmt::format(":{}", info.st_ino);
    std::ifstream locks("/proc/locks");
    // "1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF"
    for (std::string text; std::getline(locks, text);) {
        std::istringstream words(text);
        std::string number, kind, advisory, mode, process, file;
        words >> number >> kind >> advisory >> mode >> process >> file;
        if (kind == "FLOCK" && mode == "WRITE" && file.ends_with(wanted))
            return read_number<pid_t>(process);
    }
    return std::nullopt;
}

// The nearest one that is there.
fs::path existing_part(fs::path path)
{
    std::error_code ignored;
    while (!fs::exists(path, ignored) && path.has_relative_path())
        path = path.parent_path();
    return path;
}

// Makes a file without a name there; the number of the error, or 0.
int try_to_write(const fs::path& directory)
{
    UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (file)
        return ::write(file.get(), "x", 1) == 1 && ::fsync(file.get()) == 0 ? 0 : errno;
    if (errno != EOPNOTSUPP && errno != EISDIR)
        return errno;
    return ::access(directory.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

std::string write_remedy(int error, const fs::path& directory, const Surroundings& around)
{
    struct stat info{};
    std::string user = user_name(::geteuid());
    bool known = ::stat(directory.c_str(), &info) == 0;
    if (error == ENOSPC || error == EDQUOT)
        return fmt::format("free some space below {}", directory.string());
    if (error == EROFS)
        return fmt::format("mount {} writable, or choose another directory with `data`", directory.string());
    if (known && info.st_uid != ::geteuid())
        return fmt::format("run it as its owner: sudo -u {} gatehouse ..., or give it away: chown -R {} {}",
                           user_name(info.st_uid), user, directory.string());
    return fmt::format("chmod u+rwx {}, or choose another directory with `data` (now {})", directory.string(),
                       around.data.string());
}

Finding judge_mode(const fs::path& path, const struct stat& info)
{
    if ((info.st_mode & 077U) != 0)
        return Finding::warn(fmt::format("{} is open to others (mode {:04o})", path.string(), info.st_mode & 07777U),
                             fmt::format("chmod 700 {}", path.string()));
    if (::geteuid() == 0 && info.st_uid != 0)
        return Finding::ok(fmt::format("{} belongs to {}", path.string(), user_name(info.st_uid)));
    return Finding::ok(fmt::format("{} can be written", path.string()));
}

std::string describe_bytes(std::uint64_t bytes)
{
    constexpr std::uint64_t mib = 1024 * 1024;
    return bytes >= 10 * 1024 * mib ? fmt::format("{} GiB", bytes / (1024 * mib)) : fmt::format("{} MiB", bytes / mib);
}

}  // namespace

Surroundings look_around(Config config)
{
    Surroundings around;
    around.data = fs::absolute(config.data).lexically_normal();
    if (!around.data.has_filename())
        around.data = around.data.parent_path();
    around.roles = parse_roles(config.roles);
    around.server = find_lock_holder(around.data);
    around.config = std::move(config);
    return around;
}

std::span<const Check> all_checks() { return checks; }

std::string user_name(uid_t user)
{
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found)
        return found->pw_name;
    return std::to_string(user);
}

Findings check_server(const Surroundings& around)
{
    if (!around.server)
        return {Finding::ok(fmt::format("none runs in {}", around.data.string()))};
    std::string who = fmt::format("process {} works in {}", *around.server, around.data.string());
    try {
        DataDirectory data(around.data);
        json::value answer = call_control(data.control_socket(), "config.diff", {});
        const json::object& diff = answer.as_object();
        if (diff.contains("errors"))
            return {Finding::warn(who + ", by an older configuration than its file has now, which is wrong",
                                  "gatehouse config check")};
        if (!diff.at("changes").as_array().empty())
            return {Finding::warn(who + ", by an older configuration than its file has now",
                                  "gatehouse config diff, then gatehouse config reload")};
        return {Finding::ok(who)};
    } catch (const std::exception& error) {
        return {Finding::fail(fmt::format("{}, but does not answer: {}", who, error.what()),
                              "wait a moment if it starts or stops; else look into its log, and end it with kill " +
                                  std::to_string(*around.server))};
    }
}

Findings check_data(const Surroundings& around)
{
    fs::path part = existing_part(around.data);
    struct stat info{};
    if (::stat(part.c_str(), &info) != 0)
        return {Finding::fail(fmt::format("{}: {}", part.string(), std::strerror(errno)), "correct `data`")};
    if (!S_ISDIR(info.st_mode))
        return {
            Finding::fail(fmt::format("{} is no directory", part.string()), "correct `data`, or move the file away")};
    if (int error = try_to_write(part); error != 0)
        return {Finding::fail(fmt::format("the data directory {} cannot be written by {}: {}", around.data.string(),
                                          user_name(::geteuid()), std::strerror(error)),
                              write_remedy(error, part, around))};
    if (part != around.data)
        return {Finding::ok(fmt::format("{} is not there yet, the first start makes it", around.data.string()))};
    Findings findings{judge_mode(around.data, info)};
    for (const char* name : {"service.key", "auth.key"}) {
        fs::path file = around.data / name;
        if (::lstat(file.c_str(), &info) == 0 && (info.st_mode & 077U) != 0)
            findings.push_back(Finding::fail(fmt::format("{} can be read by others", file.string()),
                                             fmt::format("chmod 600 {}", file.string())));
    }
    return findings;
}

Findings check_disk(const Surroundings& around)
{
    constexpr std::uint64_t bytes_needed = 64ULL << 20U;
    constexpr std::uint64_t bytes_wanted = 1ULL << 30U;
    constexpr std::uint64_t files_wanted = 10'000;
    fs::path part = existing_part(around.data);
    struct statvfs info{};
    if (::statvfs(part.c_str(), &info) != 0)
        return {Finding::fail(fmt::format("{}: {}", part.string(), std::strerror(errno)), "correct `data`")};
    std::uint64_t free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    std::string what = fmt::format("{} free below {}", describe_bytes(free), part.string());
    std::string remedy = fmt::format("free some, move {} to a larger disk, or remove old files", part.string());
    if (free < bytes_needed)
        return {Finding::fail(what, remedy)};
    if (free < bytes_wanted)
        return {Finding::warn(what, remedy)};
    if (info.f_files > 0 && info.f_favail < files_wanted)
        return {Finding::warn(fmt::format("room for {} more files below {}", info.f_favail, part.string()), remedy)};
    return {Finding::ok(what)};
}

Findings check_limits(const Surroundings&)
{
    constexpr rlim_t files_wanted = 4096;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return {};
    std::string what = fmt::format("{} files and connections may be open at once", limit.rlim_max);
    if (limit.rlim_max < files_wanted)
        return {Finding::warn(what, "LimitNOFILE=65536 in the systemd unit, --ulimit nofile=65536 for a container, "
                                    "ulimit -Hn in a shell")};
    return {Finding::ok(what)};
}

}  // namespace gatehouse::app
