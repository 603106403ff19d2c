// SPDX-License-Identifier: Apache-2.0
// `gatehouse files get`: into a temporary file beside the target, which is gone on with after an interruption, compared
// with the record's hash, and only then gets its name.
#include "app/client_commands.hpp"
#include "app/progress_bar.hpp"
#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "base/write_all.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr int attempts_max = 5;  // in a row without a byte
constexpr std::chrono::seconds pause_max{8};

struct Record {
    std::string id;
    std::string name;
    std::string sha256;
    std::uint64_t size = 0;
};

Record find_record(ClientSession& session, const std::string& id)
{
    HttpCall call;
    call.url = "/files/" + http::percent_encode(id);
    json::object found = session.expect_json(session.call(std::move(call)));
    Record record{id, find_string(found, "name").value_or(""), find_string(found, "sha256").value_or(""),
                  static_cast<std::uint64_t>(std::max<std::int64_t>(0, find_integer(found, "size").value_or(0)))};
    if (record.sha256.size() != 64 ||
        !std::ranges::all_of(record.sha256, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }))
        throw ClientError(fmt::format("{} did not answer with a record", session.server()),
                          "see that --server names a Gatehouse");
    return record;
}

// A server's name for a file is no path of ours.
std::string safe_name(const Record& record)
{
    bool plain = !record.name.empty() && !record.name.starts_with('.') && std::ranges::none_of(record.name, [](char c) {
        return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    return plain ? record.name : "file-" + record.id;
}

[[noreturn]] void fail(const fs::path& path)
{
    throw ClientError(fmt::format("{}: {}", path.string(), std::generic_category().message(errno)),
                      "-o FILE writes somewhere else");
}

// What has arrived so far. Its name holds the hash, so that only the same content is gone on with.
class PartFile final {
public:
    PartFile(const fs::path& target, const Record& record)
        : path_(target.string() + ".part-" + record.sha256.substr(0, 16)),
          file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666))
    {
        if (!file_)
            fail(path_);
        if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0)
            throw ClientError(fmt::format("another command downloads into {}", path_.string()), "wait for it");
        struct stat info{};
        if (::fstat(file_.get(), &info) != 0)
            fail(path_);
        size_ = static_cast<std::uint64_t>(info.st_size);
        if (size_ > record.size)
            restart();
        ::lseek(file_.get(), 0, SEEK_END);
    }

    std::uint64_t size() const { return size_; }

    void restart()
    {
        if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0)
            fail(path_);
        size_ = 0;
    }

    void append(std::string_view bytes)
    {
        if (!write_all(file_.get(), bytes))
            fail(path_);
        size_ += bytes.size();
    }

    std::string sha256() const
    {
        Sha256 hash;
        std::array<char, 64UL * 1024> buffer{};
        for (off_t offset = 0;;) {
            ssize_t got = ::pread(file_.get(), buffer.data(), buffer.size(), offset);
            if (got < 0)
                fail(path_);
            if (got == 0)
                return to_hex(hash.finish());
            hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
            offset += got;
        }
    }

    void become(const fs::path& target, bool replace)
    {
        if (::fsync(file_.get()) != 0)
            fail(path_);
        unsigned flags = replace ? 0 : RENAME_NOREPLACE;
        int outcome = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), flags);
        // Some file systems know no flags; that nothing is there was looked at before.
        if (outcome != 0 && errno == EINVAL)
            outcome = ::rename(path_.c_str(), target.c_str());
        if (outcome != 0)
            fail(target);
    }

    void remove() { ::unlink(path_.c_str()); }

private:
    fs::path path_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
};

using Take = std::function<void(std::string_view)>;

// One request, from `offset` on. `restart` is called when the server sends the whole instead.
void fetch_once(ClientSession& session, const Record& record, std::uint64_t offset,
                const std::function<void()>& restart, const Take& take)
{
    HttpCall call;
    call.url = "/files/" + http::percent_encode(record.id) + "/content";
    if (offset > 0)
        call.headers = {fmt::format("Range: bytes={}-", offset), fmt::format("If-Range: \"sha256-{}\"", record.sha256)};
    std::exception_ptr failure;
    bool whole_looked_at = false;
    call.on_body = [&](int status, std::string_view piece) {
        try {
            if (status == 200 && offset > 0 && !whole_looked_at)
                restart();
            whole_looked_at = true;
            take(piece);
            return true;
        } catch (...) {
            failure = std::current_exception();
            return false;
        }
    };
    HttpReply reply = session.call(std::move(call));
    if (failure)
        std::rethrow_exception(failure);
    if (reply.status != 200 && reply.status != 206)
        session.fail(reply);
}

void fetch_into(ClientSession& session, const Record& record, PartFile& part)
{
    ProgressBar bar(safe_name(record), record.size, Unit::bytes);
    int failures = 0;
    while (part.size() < record.size) {
        std::uint64_t before = part.size();
        try {
            auto take = [&](std::string_view piece) {
                part.append(piece);
                bar.show(part.size());
            };
            fetch_once(session, record, part.size(), [&] { part.restart(); }, take);
            if (part.size() < record.size)
                throw ClientError(fmt::format("{} sent less than the whole", session.server()), "try again", true);
        } catch (const ClientError& error) {
            failures = part.size() > before ? 1 : failures + 1;
            if (failures >= attempts_max || !error.passing())
                throw ClientError(error.what(), part.size() > 0 && error.passing()
                                                    ? "run it again: it goes on where it was interrupted"
                                                    : error.next());
            std::this_thread::sleep_for(std::min(pause_max, std::chrono::seconds{1U << (failures - 1U)}));
        }
    }
}

int get_to_stdout(ClientSession& session, const Record& record)
{
    Sha256 hash;
    auto take = [&](std::string_view piece) {
        hash.update(piece);
        if (!write_all(STDOUT_FILENO, piece))
            fail("standard output");
    };
    fetch_once(session, record, 0, [] {}, take);
    if (to_hex(hash.finish()) != record.sha256)
        throw ClientError("what arrived is not the file: its SHA-256 differs", "try again");
    return 0;
}

fs::path target_of(const ClientLine& line, const Record& record)
{
    if (line.output.empty())
        return safe_name(record);
    std::error_code ignored;
    return fs::is_directory(line.output, ignored) ? fs::path(line.output) / safe_name(record) : fs::path(line.output);
}

int get_file(const CommandLine& line, ClientSession& session)
{
    Record record = find_record(session, line.id);
    if (line.client.output == "-")
        return get_to_stdout(session, record);
    fs::path target = target_of(line.client, record);
    std::error_code ignored;
    if (!line.client.force && fs::exists(fs::symlink_status(target, ignored)))
        throw ClientError(fmt::format("{} is there already", target.string()), "--force replaces it, -o FILE writes "
                                                                               "somewhere else");
    PartFile part(target, record);
    fetch_into(session, record, part);
    if (part.sha256() != record.sha256) {
        part.remove();
        throw ClientError("what arrived is not the file: its SHA-256 differs", "try again");
    }
    part.become(target, line.client.force);
    if (line.json)
        fmt::print(
            "{}\n",
            json::serialize(json::object{
                {"id", record.id}, {"file", target.string()}, {"size", record.size}, {"sha256", record.sha256}}));
    else
        fmt::print("{}: {}\n", target.string(), format_bytes(record.size));
    return 0;
}

}  // namespace

int files_get(const CommandLine& line)
{
    return with_session(line, [&](ClientSession& session) { return get_file(line, session); });
}

}  // namespace gatehouse::app
