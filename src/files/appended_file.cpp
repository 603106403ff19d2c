// SPDX-License-Identifier: Apache-2.0
#include "files/appended_file.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::files {

namespace {

constexpr std::uint64_t flush_bytes = 8ULL << 20U;

[[noreturn]] void fail(const char* what)
{
    std::string reason = std::generic_category().message(errno);
    throw Unavailable(fmt::format("cannot {} the content of an upload: {}", what, reason));
}

}  // namespace

void AppendedFile::append(std::string_view bytes)
{
    while (!bytes.empty()) {
        ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset_));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail("write");
        bytes.remove_prefix(static_cast<std::size_t>(count));
        offset_ += static_cast<std::uint64_t>(count);
    }
}

void AppendedFile::begin_to_flush()
{
    if (offset_ - flushed_ < flush_bytes)
        return;
    ::sync_file_range(file_.get(), static_cast<off_t>(flushed_), static_cast<off_t>(offset_ - flushed_),
                      SYNC_FILE_RANGE_WRITE);
    flushed_ = offset_;
}

void AppendedFile::sync()
{
    if (::fdatasync(file_.get()) != 0)
        fail("sync");
}

}  // namespace gatehouse::files
