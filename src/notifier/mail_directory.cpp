// SPDX-License-Identifier: Apache-2.0
#include "notifier/mail_directory.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <tuple>

namespace gatehouse::notifier {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".eml";
constexpr std::size_t mail_bytes_max = 256UZ * 1024;
constexpr std::size_t head_bytes_max = 8UZ * 1024;
constexpr std::size_t looked_at_max = 100'000;  // of the directory's entries

struct Entry {
    std::string id;
    std::int64_t at_ms = 0;
};

[[noreturn]] void fail(const fs::path& path, const std::error_code& error)
{
    throw Unavailable("cannot read " + path.string() + ": " + error.message());
}

std::error_code last_error() { return {errno, std::generic_category()}; }

std::int64_t written_at_ms(const struct stat& status)
{
    return status.st_mtim.tv_sec * 1000LL + status.st_mtim.tv_nsec / 1'000'000;
}

// The id that a mail's file is named by; empty for every other file.
std::string id_of(const fs::path& file)
{
    std::string name = file.filename().string();
    if (!name.ends_with(suffix))
        return {};
    name.resize(name.size() - suffix.size());
    return is_id(name) ? name : std::string();
}

std::string read_at_most(int file, const fs::path& path, std::size_t bytes_max)
{
    std::string bytes(bytes_max, '\0');
    std::size_t size = 0;
    while (size < bytes_max) {
        ssize_t count = ::read(file, bytes.data() + size, bytes_max - size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail(path, last_error());
        if (count == 0)
            break;
        size += static_cast<std::size_t>(count);
    }
    bytes.resize(size);
    return bytes;
}

// nullopt: it is gone, or no file of ours.
std::optional<KeptMail> read_file(const fs::path& directory, std::string id, std::size_t bytes_max)
{
    fs::path path = directory / (id + std::string(suffix));
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file && (errno == ENOENT || errno == ELOOP))
        return std::nullopt;
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0)
        fail(path, last_error());
    if (!S_ISREG(status.st_mode))
        return std::nullopt;
    KeptMail kept;
    kept.id = std::move(id);
    kept.at = from_unix_ms(written_at_ms(status));
    kept.mail = read_mail(read_at_most(file.get(), path, bytes_max));
    return kept;
}

}  // namespace

std::vector<KeptMail> MailDirectory::newest(std::size_t max) const
{
    std::error_code error;
    fs::directory_iterator at(directory_, error);
    if (error == std::errc::no_such_file_or_directory)
        return {};
    if (error)
        fail(directory_, error);
    std::vector<Entry> entries;
    for (std::size_t looked_at = 0; at != fs::directory_iterator() && looked_at < looked_at_max; ++looked_at) {
        std::string id = id_of(at->path());
        struct stat status{};
        if (!id.empty() && ::lstat(at->path().c_str(), &status) == 0)
            entries.push_back({std::move(id), written_at_ms(status)});
        at.increment(error);
        if (error)
            fail(directory_, error);
    }
    auto count = static_cast<std::ptrdiff_t>(std::min(max, entries.size()));
    auto later = [](const Entry& a, const Entry& b) { return std::tie(a.at_ms, a.id) > std::tie(b.at_ms, b.id); };
    std::ranges::partial_sort(entries, entries.begin() + count, later);
    entries.resize(static_cast<std::size_t>(count));
    std::vector<KeptMail> mails;
    for (Entry& entry : entries)
        if (auto mail = read_file(directory_, std::move(entry.id), head_bytes_max))
            mails.push_back(std::move(*mail));
    return mails;
}

std::optional<KeptMail> MailDirectory::find(std::string_view id) const
{
    if (!is_id(id))
        return std::nullopt;
    return read_file(directory_, std::string(id), mail_bytes_max);
}

}  // namespace gatehouse::notifier
