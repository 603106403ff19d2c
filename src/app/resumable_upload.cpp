// SPDX-License-Identifier: Apache-2.0
#include "app/resumable_upload.hpp"

#include "app/data_directory.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t piece_bytes_max = 64ULL << 20U;
constexpr int attempts_max = 8;  // in a row without a byte more
constexpr std::chrono::milliseconds pause_first{500};
constexpr std::chrono::milliseconds pause_max{30'000};
constexpr std::chrono::hours forgotten_after{24 * 14};  // longer than servers keep what is unfinished

fs::path state_directory()
{
    const char* xdg = std::getenv("XDG_STATE_HOME");
    if (xdg && *xdg == '/')
        return fs::path(xdg) / "gatehouse" / "uploads";
    const char* home = std::getenv("HOME");
    if (home && *home == '/')
        return fs::path(home) / ".local" / "state" / "gatehouse" / "uploads";
    throw ClientError("neither XDG_STATE_HOME nor HOME says where unfinished uploads are noted", "set HOME");
}

// Of an upload that is unfinished: its id, beside a lock that keeps two commands from sending one file at once.
class Note final {
public:
    Note(const std::string& server, const UploadSource& source) : directory_(state_directory())
    {
        std::string file = fs::absolute(source.path()).lexically_normal().string();
        std::string key = fmt::format("{}\n{}\n{}\n{}", server, file, source.size(), source.modified_ns());
        name_ = to_hex(sha256(key)).substr(0, 32);
        sweep();
        fs::path lock = directory_.path() / (name_ + ".lock");
        lock_.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!lock_)
            throw std::system_error(errno, std::generic_category(), "cannot open " + lock.string());
        if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
            throw ClientError(fmt::format("another command uploads {}", source.path()), "wait for it");
    }

    std::optional<std::string> find() const
    {
        std::ifstream file(directory_.path() / name_);
        std::string id{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        return id.empty() || id.size() > 128 ? std::nullopt : std::optional(id);
    }
    void write(const std::string& id) { directory_.write_private(name_, id); }
    void remove()
    {
        directory_.remove(name_);
        directory_.remove(name_ + ".lock");
    }

private:
    void sweep() const
    {
        std::error_code error;
        auto oldest = fs::file_time_type::clock::now() - forgotten_after;
        for (const auto& entry : fs::directory_iterator(directory_.path(), error))
            if (entry.last_write_time(error) < oldest && !error)
                fs::remove(entry.path(), error);
    }

    DataDirectory directory_;
    std::string name_;
    UniqueFd lock_;
};

std::optional<std::uint64_t> find_number(const HttpReply& reply, std::string_view header)
{
    auto found = reply.headers.find(header);
    return found == reply.headers.end() ? std::nullopt : read_number<std::uint64_t>(found->second);
}

class Upload final {
public:
    Upload(ClientSession& session, UploadSource& source, ProgressBar& bar)
        : session_(session), source_(source), bar_(bar), note_(session.server(), source)
    {
    }

    std::optional<json::object> run()
    {
        id_ = note_.find().value_or("");
        bool known = !id_.empty() && patiently([&] { return find_offset(); });
        if (!known && !patiently([&] { return create(); })) {
            note_.remove();
            return std::nullopt;
        }
        while (offset_ < source_.size())
            if (!patiently([&] { return send_piece(); }))
                throw ClientError("the server does not know the upload any more", "run it again: it begins anew");
        json::object record;
        patiently([&] {
            HttpCall call;
            call.url = "/files/" + http::percent_encode(id_);
            HttpReply reply = session_.call(std::move(call));
            require(reply, {200});
            record = session_.expect_json(reply);
            return true;
        });
        note_.remove();
        return record;
    }

private:
    // Calls `step` until it says what it found; passing failures are waited out, as long as bytes arrive now and then.
    template <class Step>
    bool patiently(Step step)
    {
        while (true) {
            std::uint64_t before = offset_;
            std::string what;
            try {
                bool found = step();
                failures_ = offset_ > before ? 0 : failures_;
                return found;
            } catch (const ClientError& error) {
                if (!error.passing())
                    throw;
                what = error.what();
            }
            failures_ = offset_ > before ? 1 : failures_ + 1;
            if (failures_ >= attempts_max)
                throw ClientError(what, offset_ > 0 ? "run it again: it goes on where it was interrupted"
                                                    : "run it again when the server is back");
            pause();
            uncertain_ = true;
        }
    }

    void pause() const
    {
        auto longest = std::min(pause_max, pause_first * (1 << std::min(failures_ - 1, 10)));
        // Half of it by chance: clients that lost the same server do not come back at once.
        auto byte = static_cast<unsigned char>(random_bytes(1)[0]);
        std::this_thread::sleep_for(longest / 2 + longest * byte / 512);
    }

    void require(const HttpReply& reply, std::initializer_list<int> fine) const
    {
        if (std::ranges::find(fine, reply.status) == fine.end())
            session_.fail(reply);
    }

    // False when the server has no resumable uploads.
    bool create()
    {
        HttpCall call;
        call.method = "POST";
        call.url = "/uploads";
        call.headers = {"Tus-Resumable: 1.0.0", "Accept: application/json",
                        fmt::format("Upload-Length: {}", source_.size()),
                        fmt::format("Upload-Metadata: filename {}", to_base64(source_.name()))};
        HttpReply reply = session_.call(std::move(call));
        if (reply.status == 404 || reply.status == 405 || reply.status == 501)
            return false;
        require(reply, {201});
        auto location = reply.headers.find("location");
        std::string place = location == reply.headers.end() ? "" : location->second;
        id_ = place.substr(place.rfind('/') + 1);
        if (id_.empty())
            throw ClientError(fmt::format("{} did not say where the upload is", session_.server()),
                              "see that --server names a Gatehouse");
        offset_ = 0;
        note_.write(id_);
        return true;
    }

    // False when the server does not know the upload.
    bool find_offset()
    {
        HttpCall call;
        call.method = "HEAD";
        call.url = "/uploads/" + http::percent_encode(id_);
        call.headers = {"Tus-Resumable: 1.0.0"};
        HttpReply reply = session_.call(std::move(call));
        if (reply.status == 404 || reply.status == 410)
            return false;
        require(reply, {200, 204});
        auto offset = find_number(reply, "upload-offset");
        auto length = find_number(reply, "upload-length");
        if (!offset || *offset > source_.size() || length.value_or(source_.size()) != source_.size())
            return false;
        offset_ = *offset;
        uncertain_ = false;
        return true;
    }

    // False when the server does not know the upload.
    bool send_piece()
    {
        if (uncertain_)
            return find_offset();
        std::uint64_t from = offset_;
        std::uint64_t length = std::min(piece_bytes_max, source_.size() - from);
        HttpCall call;
        call.method = "PATCH";
        call.url = "/uploads/" + http::percent_encode(id_);
        call.headers = {"Tus-Resumable: 1.0.0", "Accept: application/json",
                        "Content-Type: application/offset+octet-stream", fmt::format("Upload-Offset: {}", from)};
        call.read = source_.reader(from, length);
        call.seek = [this, from](std::uint64_t offset) { return source_.seek(from + offset); };
        call.size = length;
        call.on_sent = [this, from](std::uint64_t sent) { bar_.show(from + sent); };
        HttpReply reply = session_.call(std::move(call));
        if (reply.status == 404 || reply.status == 410)
            return false;
        if (reply.status == 409)
            throw ClientError(fmt::format("{} answered 409: it has another part of the file", session_.server()),
                              "run it again", true);
        require(reply, {200, 204});
        offset_ = find_number(reply, "upload-offset").value_or(from + length);
        return true;
    }

    ClientSession& session_;
    UploadSource& source_;
    ProgressBar& bar_;
    Note note_;
    std::string id_;
    std::uint64_t offset_ = 0;
    bool uncertain_ = false;  // how far the server is must be asked first
    int failures_ = 0;        // in a row
};

}  // namespace

std::optional<json::object> upload_resumably(ClientSession& session, UploadSource& source, ProgressBar& bar)
{
    return Upload(session, source, bar).run();
}

}  // namespace gatehouse::app
