// SPDX-License-Identifier: Apache-2.0
#include "app/upload_source.hpp"

#include "app/client_session.hpp"
#include "base/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

std::int64_t modified_ns_of(const struct stat& info)
{
    return static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

}  // namespace

UploadSource::UploadSource(const std::string& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
{
    struct stat info{};
    if (!file_ || ::fstat(file_.get(), &info) != 0)
        throw ClientError(fmt::format("{}: {}", path, std::generic_category().message(errno)),
                          "look at its name and at who may read it");
    if (!S_ISREG(info.st_mode))
        throw ClientError(fmt::format("{} is no file", path), "upload files one by one, or an archive of them");
    size_ = static_cast<std::uint64_t>(info.st_size);
    modified_ns_ = modified_ns_of(info);
    ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

std::string UploadSource::name() const { return std::filesystem::path(path_).filename().string(); }

std::size_t UploadSource::read_at(char* buffer, std::size_t room, std::uint64_t offset)
{
    ssize_t got = 0;
    do
        got = ::pread(file_.get(), buffer, room, static_cast<off_t>(offset));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        throw std::system_error(errno, std::generic_category(), path_);
    if (got == 0)
        throw std::runtime_error(path_ + " has become shorter");
    return static_cast<std::size_t>(got);
}

std::size_t UploadSource::read(char* buffer, std::size_t room)
{
    room = static_cast<std::size_t>(std::min<std::uint64_t>(room, size_ - offset_));
    if (room == 0)
        return 0;
    hash_until(offset_);
    std::size_t got = read_at(buffer, room, offset_);
    // What is sent again was hashed before.
    std::uint64_t end = offset_ + got;
    if (end > hashed_) {
        auto fresh = static_cast<std::size_t>(end - hashed_);
        hash_.update(std::string_view(buffer, got).substr(got - fresh));
        hashed_ = end;
    }
    offset_ = end;
    return got;
}

bool UploadSource::seek(std::uint64_t offset)
{
    offset_ = std::min(offset, size_);
    return offset <= size_;
}

std::function<std::size_t(char*, std::size_t)> UploadSource::reader(std::uint64_t offset, std::uint64_t length)
{
    return [this, offset, left = length, first = true](char* buffer, std::size_t room) mutable {
        if (std::exchange(first, false))
            seek(offset);
        std::size_t got = read(buffer, static_cast<std::size_t>(std::min<std::uint64_t>(room, left)));
        left -= got;
        return got;
    };
}

void UploadSource::hash_until(std::uint64_t offset)
{
    std::array<char, 64UL * 1024> buffer{};
    while (hashed_ < offset) {
        auto room = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), offset - hashed_));
        std::size_t got = read_at(buffer.data(), room, hashed_);
        hash_.update(std::string_view(buffer.data(), got));
        hashed_ += got;
    }
}

void UploadSource::require_unchanged() const
{
    struct stat info{};
    if (::fstat(file_.get(), &info) != 0 || static_cast<std::uint64_t>(info.st_size) != size_ ||
        modified_ns_of(info) != modified_ns_)
        throw ClientError(fmt::format("{} was changed while it was sent", path_),
                          "gatehouse files list shows what arrived; upload it again when nobody writes to it");
}

std::string UploadSource::sha256()
{
    hash_until(size_);
    return to_hex(hash_.finish());
}

}  // namespace gatehouse::app
