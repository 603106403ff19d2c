// SPDX-License-Identifier: Apache-2.0
// Mailer into a directory: ".<random>.tmp", synced, then renamed to "<mail id>.eml".
#include "notifier/mailer.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/unique_fd.hpp"
#include "base/write_all.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace gatehouse::notifier {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path)
{
    throw Unavailable("cannot write " + path.string() + ": " + std::generic_category().message(errno));
}

void write_synced(const fs::path& path, std::string_view bytes)
{
    UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file)
        fail(path);
    if (!write_all(file.get(), bytes) || ::fsync(file.get()) != 0)
        fail(path);
}

void sync_directory(const fs::path& path)
{
    UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        fail(path);
}

class DirectoryMailer final : public Mailer {
public:
    explicit DirectoryMailer(fs::path directory) : directory_(std::move(directory)) {}

    SendResult send(const Mail& mail) override
    {
        GH_ASSERT(is_id(mail.id));
        if (interrupted_)
            throw Unavailable("the program is ending");
        std::error_code error;
        fs::create_directories(directory_, error);
        if (error)
            throw Unavailable("cannot make " + directory_.string() + ": " + error.message());
        fs::path temporary = directory_ / ("." + make_id() + ".tmp");
        try {
            write_synced(temporary, compose(mail));
            fs::path target = directory_ / (mail.id + ".eml");
            if (::rename(temporary.c_str(), target.c_str()) != 0)
                fail(target);
            sync_directory(directory_);
        } catch (const Unavailable&) {
            fs::remove(temporary, error);
            throw;
        }
        return {};
    }

    void interrupt() override { interrupted_ = true; }

private:
    fs::path directory_;
    std::atomic<bool> interrupted_{false};
};

}  // namespace

std::unique_ptr<Mailer> make_directory_mailer(fs::path directory)
{
    return std::make_unique<DirectoryMailer>(std::move(directory));
}

}  // namespace gatehouse::notifier
