// SPDX-License-Identifier: Apache-2.0
#include "files/content_directory.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/random.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::files {

namespace {

constexpr std::size_t id_size = 36;
constexpr std::size_t nonce_bytes = 8;

[[noreturn]] void fail(std::string_view what, std::string_view where)
{
    std::string reason = std::generic_category().message(errno);
    throw Unavailable(fmt::format("cannot {} {}: {}", what, where, reason));
}

void sync_directory(const UniqueFd& directory, std::string_view where)
{
    if (::fsync(directory.get()) != 0)
        fail("sync", where);
}

UniqueFd make_directory(const std::filesystem::path& path)
{
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        fail("make", path.native());
    UniqueFd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory)
        fail("open", path.native());
    return directory;
}

std::string shard_of(const std::string& name) { return name.substr(id_size - 2, 2); }

}  // namespace

ContentDirectory::ContentDirectory(const std::filesystem::path& root) : root_(root)
{
    std::error_code error;
    std::filesystem::create_directories(root.parent_path(), error);  // reported by the next step
    UniqueFd top = make_directory(root);
    temporary_ = make_directory(root / "tmp");
    content_ = make_directory(root / "content");
    sync_directory(top, root.native());
}

std::string ContentDirectory::make_name(std::string_view id)
{
    GH_ASSERT(is_id(id));
    return fmt::format("{}.{}", id, to_hex(random_bytes(nonce_bytes)));
}

std::optional<std::string> ContentDirectory::find_id(std::string_view name)
{
    if (name.size() != id_size + 1 + 2 * nonce_bytes || name[id_size] != '.' || !is_id(name.substr(0, id_size)) ||
        !from_hex(name.substr(id_size + 1)))
        return std::nullopt;
    return std::string(name.substr(0, id_size));
}

UniqueFd ContentDirectory::create_temporary(const std::string& name) const
{
    UniqueFd file{::openat(temporary_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file)
        fail("create a file in", (root_ / "tmp").native());
    return file;
}

void ContentDirectory::sync_temporaries() const { sync_directory(temporary_, (root_ / "tmp").native()); }

UniqueFd ContentDirectory::open_temporary(const std::string& name) const
{
    UniqueFd file{::openat(temporary_.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)};
    if (!file && errno != ENOENT)
        fail("open", (root_ / "tmp" / name).native());
    return file;
}

std::string ContentDirectory::place_of(const std::string& name) { return "content/" + shard_of(name) + "/" + name; }

UniqueFd ContentDirectory::open_shard(const std::string& name, bool create) const
{
    std::string shard = shard_of(name);
    UniqueFd directory{::openat(content_.get(), shard.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory && errno == ENOENT && create) {
        if (::mkdirat(content_.get(), shard.c_str(), 0700) != 0 && errno != EEXIST)
            fail("make", (root_ / "content" / shard).native());
        sync_directory(content_, (root_ / "content").native());
        directory.reset(::openat(content_.get(), shard.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    if (!directory && (create || errno != ENOENT))
        fail("open", (root_ / "content" / shard).native());
    return directory;
}

void ContentDirectory::publish(const std::string& name) const
{
    // The name in tmp/ must be there after a power failure whenever the one in content/ is: recovery looks only there.
    sync_temporaries();
    UniqueFd shard = open_shard(name, true);
    // A name is never given twice, so one that is there is the same content, of an attempt before.
    if (::linkat(temporary_.get(), name.c_str(), shard.get(), name.c_str(), 0) != 0 && errno != EEXIST)
        fail("link into", (root_ / "content" / shard_of(name)).native());
    sync_directory(shard, (root_ / "content" / shard_of(name)).native());
}

UniqueFd ContentDirectory::open_content(const std::string& name) const
{
    std::string path = shard_of(name) + "/" + name;
    UniqueFd file{::openat(content_.get(), path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
    if (!file && errno != ENOENT)
        fail("open", (root_ / "content" / path).native());
    return file;
}

void ContentDirectory::remove_temporary(const std::string& name) const
{
    if (::unlinkat(temporary_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        fail("remove", (root_ / "tmp" / name).native());
}

void ContentDirectory::remove_content(const std::string& name) const
{
    UniqueFd shard = open_shard(name, false);
    if (!shard)
        return;
    std::string where = (root_ / "content" / shard_of(name)).native();
    if (::unlinkat(shard.get(), name.c_str(), 0) != 0) {
        if (errno == ENOENT)
            return;
        fail("remove a file in", where);
    }
    sync_directory(shard, where);
}

std::vector<std::string> ContentDirectory::temporary_names() const
{
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entries(root_ / "tmp", error);
    for (; !error && entries != std::filesystem::directory_iterator{}; entries.increment(error))
        names.push_back(entries->path().filename().string());
    if (error)
        throw Unavailable(fmt::format("cannot list {}: {}", (root_ / "tmp").native(), error.message()));
    return names;
}

}  // namespace gatehouse::files
