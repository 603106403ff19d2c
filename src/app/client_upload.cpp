// SPDX-License-Identifier: Apache-2.0
// `gatehouse upload`: each file by one POST, never held in memory; the server's hash is compared with ours.
#include "app/client_commands.hpp"
#include "app/progress_bar.hpp"
#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

// A file as it is sent, hashed on the way. Its size is fixed at the beginning: one that grows is not sent further.
class Source final {
public:
    explicit Source(const std::string& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
    {
        struct stat info{};
        if (!file_ || ::fstat(file_.get(), &info) != 0)
            throw ClientError(fmt::format("{}: {}", path, std::generic_category().message(errno)),
                              "look at its name and at who may read it");
        if (!S_ISREG(info.st_mode))
            throw ClientError(fmt::format("{} is no file", path), "upload files one by one, or an archive of them");
        size_ = static_cast<std::uint64_t>(info.st_size);
        ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    }

    std::uint64_t size() const { return size_; }

    std::size_t read(char* buffer, std::size_t room)
    {
        room = static_cast<std::size_t>(std::min<std::uint64_t>(room, size_ - offset_));
        if (room == 0)
            return 0;
        ssize_t got = ::pread(file_.get(), buffer, room, static_cast<off_t>(offset_));
        if (got < 0)
            throw std::system_error(errno, std::generic_category(), path_);
        if (got == 0)
            throw std::runtime_error("it has become shorter");
        hash_.update(std::string_view(buffer, static_cast<std::size_t>(got)));
        offset_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
    }

    // Only to the beginning: the hash begins anew.
    bool seek(std::uint64_t offset)
    {
        if (offset != 0)
            return false;
        hash_ = Sha256();
        offset_ = 0;
        return true;
    }

    std::string sha256() { return to_hex(hash_.finish()); }

private:
    std::string path_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
    std::uint64_t offset_ = 0;
    Sha256 hash_;
};

// The record of the file that was uploaded. Throws ClientError.
json::object upload_file(ClientSession& session, const std::string& path)
{
    Source source(path);
    std::string name = std::filesystem::path(path).filename().string();
    ProgressBar bar(name, source.size(), Unit::bytes);
    HttpCall call;
    call.method = "POST";
    call.url = "/upload?name=" + http::percent_encode(name);
    call.headers = {"Content-Type: application/octet-stream", "Accept: application/json"};
    // A token that is refused is renewed and the file sent again, from its beginning: each copy of the call begins
    // there.
    call.read = [&source, first = true](char* buffer, std::size_t room) mutable {
        if (std::exchange(first, false))
            source.seek(0);
        return source.read(buffer, room);
    };
    call.seek = [&](std::uint64_t offset) { return source.seek(offset); };
    call.size = source.size();
    call.on_sent = [&](std::uint64_t sent) { bar.show(sent); };
    HttpReply reply = session.call(std::move(call));
    json::object answer = session.expect_json(reply);
    const json::value* items = answer.if_contains("items");
    if (!items || !items->is_array() || items->get_array().size() != 1 || !items->get_array()[0].is_object())
        throw ClientError(fmt::format("{} did not answer with a record", session.server()),
                          "gatehouse files list tells whether the file is there");
    json::object record = items->get_array()[0].get_object();
    if (find_string(record, "sha256") != source.sha256())
        throw ClientError(fmt::format("{} arrived with another content", path),
                          fmt::format("gatehouse files rm {}, and upload it again; it may have been changed meanwhile",
                                      find_string(record, "id").value_or("?")));
    return record;
}

}  // namespace

int client_upload(const CommandLine& line)
{
    auto upload = [&](ClientSession& session) {
        json::array items;
        json::array failed;
        for (const std::string& path : line.client.paths) {
            try {
                items.push_back(upload_file(session, path));
                const json::object& record = items.back().as_object();
                if (!line.json)
                    fmt::print("Uploaded {} as {}\n", path, find_string(record, "id").value_or("?"));
            } catch (const ClientError& error) {
                tell_error(std::string(error.what()).starts_with(path) ? error.what()
                                                                       : fmt::format("{}: {}", path, error.what()),
                           error.next());
                failed.push_back({{"file", path}, {"error", error.what()}});
            }
            std::fflush(stdout);
        }
        int code = failed.empty() ? 0 : 1;
        if (line.json)
            fmt::print("{}\n",
                       json::serialize(json::object{{"items", std::move(items)}, {"failed", std::move(failed)}}));
        return code;
    };
    return with_session(line, upload);
}

}  // namespace gatehouse::app
