// SPDX-License-Identifier: Apache-2.0
#include "app/backup_files.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "base/write_all.hpp"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path) { throw std::system_error(errno, std::generic_category(), path.string()); }

UniqueFd open_source(const fs::path& path)
{
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file)
        fail(path);
    return file;
}

// Calls `take` with each piece; what it holds altogether.
template <class Take>
CopiedFile read_all(int file, const fs::path& path, Take take)
{
    std::vector<char> buffer(256UL * 1024);
    Sha256 hash;
    CopiedFile result;
    while (true) {
        ssize_t got = ::read(file, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail(path);
        if (got == 0)
            break;
        std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
        hash.update(piece);
        result.size += piece.size();
        take(piece);
    }
    result.sha256 = to_hex(hash.finish());
    return result;
}

}  // namespace

CopiedFile copy_file_durably(const fs::path& from, const fs::path& to,
                             const std::function<void(std::uint64_t bytes)>& progress)
{
    UniqueFd source = open_source(from);
    make_private_directories(to.parent_path());
    UniqueFd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!target)
        fail(to);
    auto copied = read_all(source.get(), from, [&](std::string_view piece) {
        if (!write_all(target.get(), piece))
            fail(to);
        progress(piece.size());
    });
    if (::fsync(target.get()) != 0)
        fail(to);
    return copied;
}

CopiedFile hash_file(const fs::path& path)
{
    UniqueFd file = open_source(path);
    return read_all(file.get(), path, [](std::string_view) {});
}

void make_private_directories(const fs::path& path)
{
    if (path.empty() || fs::is_directory(path))
        return;
    make_private_directories(path.parent_path());
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        fail(path);
    if (path.has_parent_path())
        sync_directory(path.parent_path());
}

void sync_directory(const fs::path& path)
{
    UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        fail(path);
}

}  // namespace gatehouse::app
