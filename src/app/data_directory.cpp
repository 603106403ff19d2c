// SPDX-License-Identifier: Apache-2.0
#include "app/data_directory.hpp"

#include "app/backup.hpp"
#include "app/values.hpp"
#include "base/write_all.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace gatehouse::app {

namespace {

constexpr std::size_t private_file_bytes_max = 64 * 1024;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

std::string read_all(int fd, const std::string& where)
{
    std::string text(private_file_bytes_max, '\0');
    ssize_t size = ::pread(fd, text.data(), text.size(), 0);
    if (size < 0)
        fail("cannot read " + where);
    text.resize(static_cast<std::size_t>(size));
    return text;
}

}  // namespace

DataDirectory::DataDirectory(const std::filesystem::path& path)
    : path_(std::filesystem::absolute(path).lexically_normal())
{
    if (!path_.has_filename())
        path_ = path_.parent_path();
    std::error_code error;
    std::filesystem::create_directories(path_.parent_path(), error);
    if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
        fail(fmt::format("cannot make the data directory {}", path_.string()));
    directory_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_)
        fail(fmt::format("cannot open the data directory {}", path_.string()));
}

bool DataDirectory::try_lock()
{
    UniqueFd lock(::openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock)
        fail(fmt::format("cannot open {}/lock", path_.string()));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            fail(fmt::format("cannot lock {}/lock", path_.string()));
        return false;
    }
    if (::ftruncate(lock.get(), 0) != 0)
        fail(fmt::format("cannot write {}/lock", path_.string()));
    if (!write_all(lock.get(), fmt::format("{}\n", ::getpid())))
        fail("cannot write " + (path_ / "lock").string());
    lock_ = std::move(lock);
    return true;
}

std::optional<pid_t> DataDirectory::lock_holder() const
{
    UniqueFd lock(::openat(directory_.get(), "lock", O_RDONLY | O_CLOEXEC));
    if (!lock)
        return std::nullopt;
    std::string text = read_all(lock.get(), (path_ / "lock").string());
    auto number = parse_number(std::string_view(text).substr(0, text.find('\n')));
    return number ? std::optional(static_cast<pid_t>(*number)) : std::nullopt;
}

std::filesystem::path DataDirectory::control_socket() const
{
    auto path = path_ / "control.sock";
    if (path.native().size() < sizeof(sockaddr_un::sun_path))
        return path;
    return fmt::format("/proc/self/fd/{}/control.sock", directory_.get());
}

Secret DataDirectory::read_or_create(std::string_view name, const std::function<Secret()>& make)
{
    std::string where = (path_ / name).string();
    UniqueFd file(::openat(directory_.get(), std::string(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file && errno != ENOENT)
        fail("cannot open " + where);
    if (!file) {
        Secret made = make();
        write_private(name, made.reveal());
        return made;
    }
    struct stat info{};
    if (::fstat(file.get(), &info) == 0 && (info.st_mode & 077U) != 0)
        throw std::runtime_error(fmt::format("{} can be read by others: its mode must be 0600", where));
    return Secret(read_all(file.get(), where));
}

void DataDirectory::write_private(std::string_view name, std::string_view text)
{
    std::string target(name);
    std::string temporary = target + ".new";
    std::string where = (path_ / name).string();
    ::unlinkat(directory_.get(), temporary.c_str(), 0);
    UniqueFd file(::openat(directory_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file)
        fail("cannot make " + where);
    if (!write_all(file.get(), text) || ::fsync(file.get()) != 0 ||
        ::renameat(directory_.get(), temporary.c_str(), directory_.get(), target.c_str()) != 0 ||
        ::fsync(directory_.get()) != 0)
        fail("cannot write " + where);
}

void DataDirectory::remove(std::string_view name)
{
    if (::unlinkat(directory_.get(), std::string(name).c_str(), 0) != 0 && errno != ENOENT)
        fail(fmt::format("cannot remove {}", (path_ / name).string()));
}

DataDirectory lock_data_directory(const std::filesystem::path& path)
{
    DataDirectory data(path);
    if (!data.try_lock()) {
        auto holder = data.lock_holder();
        throw std::runtime_error(
            fmt::format("another Gatehouse works in {} already{}: stop it, or choose another directory with --data",
                        data.path().string(), holder ? fmt::format(" (process {})", *holder) : ""));
    }
    if (std::filesystem::exists(data.path() / unfinished_restore))
        throw std::runtime_error(fmt::format("a restore into {} was not finished: run it again", data.path().string()));
    return data;
}

}  // namespace gatehouse::app
