// SPDX-License-Identifier: Apache-2.0
// The file store of one machine: content in a directory, records in SQLite.
//
// How an upload becomes visible, and what a crash after each step leaves:
//   1. content is written to tmp/<name> and synced            recovery removes tmp/<name>
//   2. it is linked to content/ab/<name>, durably             recovery removes both names
//   3. one transaction adds the record and the outbox event   recovery removes tmp/<name>: the upload stands
//   4. tmp/<name> is unlinked                                 nothing to do
// A removal for good is the transaction that moves content names from records to the table `garbage`; the janitor
// unlinks what stands there, now or after the next start. What is in the trash is a record in a table of its own.
// Unfinished uploads: local_uploads.cpp.
#include "files/appended_file.hpp"
#include "files/change_log.hpp"
#include "files/file_records.hpp"
#include "files/gathering.hpp"
#include "files/local_core.hpp"
#include "files/local_uploads.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace gatehouse::files {

namespace {

constexpr std::size_t read_piece_bytes = 256 * 1024;
constexpr std::size_t head_bytes_max = 4096;

using local::Core;

// Where an upload's content goes, on a pool thread.
struct Sink {
    AppendedFile file;
    Sha256 hash;
    std::string bytes;  // that come next

    void put()
    {
        file.append(bytes);
        hash.update(bytes);
        bytes.clear();
        file.begin_to_flush();
    }
    void seal()
    {
        put();
        file.sync();
        file.close();
        std::string().swap(bytes);
    }
};

class LocalFileWriter final : public FileWriter {
public:
    LocalFileWriter(std::shared_ptr<Core> core, std::string name, UniqueFd file)
        : core_(std::move(core)), name_(std::move(name)),
          arriving_(core_->writing, std::make_shared<Sink>(AppendedFile(std::move(file))))
    {
    }
    ~LocalFileWriter() override
    {
        if (undecided_)
            core_->settle_later(name_);
        else
            core_->discard(name_, arriving_.take_sink());
    }

    Task<void> write(std::string_view bytes) override
    {
        GH_ASSERT(!sealed_);
        if (head_.size() < head_bytes_max)
            head_.append(bytes.substr(0, head_bytes_max - head_.size()));
        size_ += bytes.size();
        co_await arriving_.write(bytes);
    }

    std::uint64_t size() const override { return size_; }
    std::string_view head() const override { return head_; }
    std::string_view sha256() const override
    {
        GH_ASSERT(sealed_);
        return sha256_;
    }

    Task<void> seal() override
    {
        if (sealed_)
            co_return;
        co_await arriving_.hand_over();
        auto job = [this] { arriving_.sink().seal(); };
        co_await core_->writing.run(job);
        sha256_ = to_hex(arriving_.sink().hash.finish());
        sealed_ = true;
    }

    Task<bool> commit(File& file, std::optional<events::Event> announce) override
    {
        GH_ASSERT(ContentDirectory::find_id(name_) == file.id && !undecided_);
        co_await seal();
        file.size = size_;
        file.sha256 = sha256_;
        undecided_ = true;
        auto publish = [this] { core_->content.publish(name_); };
        co_await core_->writing.run(publish);
        auto insert = [&](sql::Connection& connection) { return records::insert(connection, {file, name_}, announce); };
        bool visible = co_await core_->database->write(insert);
        undecided_ = !visible;
        if (visible)
            core_->changes.add({file.id, file.owner, file.derived_from});
        if (visible && announce)
            core_->announced();
        co_return visible;
    }

private:
    std::shared_ptr<Core> core_;
    std::string name_;
    Gathering<Sink> arriving_;
    std::string head_;
    std::string sha256_;
    std::uint64_t size_ = 0;
    bool sealed_ = false;
    bool undecided_ = false;  // there may be a second name, and a record or none
};

class LocalFileReader final : public FileReader {
public:
    LocalFileReader(std::shared_ptr<Core> core, File file, UniqueFd content)
        : core_(std::move(core)), file_(std::move(file)), content_(std::move(content)), left_(file_.size)
    {
        ::posix_fadvise(content_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // a hint only
    }

    const File& file() const override { return file_; }

    void seek(std::uint64_t offset, std::uint64_t length) override
    {
        offset_ = std::min(offset, file_.size);
        left_ = std::min(length, file_.size - offset_);
    }

    Task<std::string_view> read() override
    {
        std::size_t want = std::min<std::uint64_t>(left_, read_piece_bytes);
        if (want == 0)
            co_return std::string_view{};
        if (!buffer_) {
            capacity_ = std::min<std::uint64_t>(file_.size, read_piece_bytes);
            buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
        }
        // What the page cache holds is taken here and now, without waiting for the disk; the rest on a pool thread.
        iovec part{buffer_.get(), want};
        ssize_t count = ::preadv2(content_.get(), &part, 1, static_cast<off_t>(offset_), RWF_NOWAIT);
        if (count <= 0) {
            auto job = [this, want] { return fetch(want); };
            count = co_await core_->reading.run(job);
        }
        offset_ += static_cast<std::uint64_t>(count);
        left_ -= static_cast<std::uint64_t>(count);
        co_return std::string_view{buffer_.get(), static_cast<std::size_t>(count)};
    }

private:
    ssize_t fetch(std::size_t want)
    {
        ssize_t count = 0;
        do
            count = ::pread(content_.get(), buffer_.get(), want, static_cast<off_t>(offset_));
        while (count < 0 && errno == EINTR);
        if (count < 0) {
            std::string reason = std::generic_category().message(errno);
            throw Unavailable(fmt::format("cannot read the content of file {}: {}", file_.id, reason));
        }
        if (count == 0)
            throw Unavailable(fmt::format("the content of file {} is shorter than its record says", file_.id));
        return count;
    }

    std::shared_ptr<Core> core_;
    File file_;
    UniqueFd content_;
    std::uint64_t offset_ = 0;
    std::uint64_t left_;
    std::size_t capacity_ = 0;
    std::unique_ptr<char[]> buffer_;
};

class LocalChangeFeed final : public ChangeFeed {
public:
    explicit LocalChangeFeed(std::shared_ptr<Core> core) : core_(std::move(core)), position_(core_->changes.position())
    {
    }
    Task<Changes> read(std::vector<std::string>, std::size_t limit) override
    {
        co_return core_->changes.read(position_, limit);
    }

private:
    std::shared_ptr<Core> core_;
    std::uint64_t position_;
};

class LocalFileStore final : public FileStore {
public:
    LocalFileStore(const std::filesystem::path& directory, std::unique_ptr<sql::Database> database,
                   const UploadOptions& options)
        : core_(std::make_shared<Core>(directory, std::move(database), options)), uploads_(local::make_uploads(core_))
    {
    }
    ~LocalFileStore() override { core_->stop(); }

    Task<std::unique_ptr<FileWriter>> create(std::string id) override
    {
        std::string name = ContentDirectory::make_name(id);
        auto job = [&] { return core_->content.create_temporary(name); };
        UniqueFd file = co_await core_->writing.run(job);
        co_return std::make_unique<LocalFileWriter>(core_, std::move(name), std::move(file));
    }

    UploadStore& uploads() override { return *uploads_; }

    Task<std::optional<File>> find(std::string id) override
    {
        auto record = co_await find_record(std::move(id));
        if (!record)
            co_return std::nullopt;
        co_return std::move(record->file);
    }

    Task<std::unique_ptr<FileReader>> open(std::string id) override
    {
        auto record = co_await find_record(id);
        if (!record)
            co_return nullptr;
        auto job = [&] { return core_->content.open_content(record->content); };
        UniqueFd content = co_await core_->reading.run(job);
        if (content)
            co_return std::make_unique<LocalFileReader>(core_, std::move(record->file), std::move(content));
        // Removed in between, which is as good as unknown; or lost, which somebody must be told.
        record = co_await find_record(id);
        if (record)
            throw Unavailable(fmt::format("the content of file {} is missing", id));
        co_return nullptr;
    }

    Task<std::vector<File>> list(ListQuery query) override
    {
        auto job = [&](sql::Connection& connection) { return records::list(connection, query); };
        co_return co_await core_->database->read(job);
    }

    Task<std::vector<File>> derived(std::vector<std::string> source_ids) override
    {
        auto job = [&](sql::Connection& connection) { return records::derived(connection, source_ids); };
        co_return co_await core_->database->read(job);
    }

    Task<Usage> usage(std::string owner) override
    {
        auto job = [&](sql::Connection& connection) { return records::usage(connection, owner); };
        co_return co_await core_->database->read(job);
    }

    Task<bool> remove(std::string id, events::Event announce) override
    {
        std::optional<Change> change;  // one in the trash is gone for who follows already
        auto job = [&](sql::Connection& connection) {
            if (auto record = records::find(connection, id))
                change = to_removal(record->file);
            return records::remove(connection, id, announce);
        };
        bool removed = co_await core_->database->write(job);
        if (removed && change)
            core_->changes.add(std::move(*change));
        if (removed) {
            core_->sweep_later();
            core_->announced();
        }
        co_return removed;
    }

    Task<bool> trash(std::string id, Trashed how, events::Event announce) override
    {
        std::optional<Change> change;
        auto job = [&](sql::Connection& connection) {
            if (auto record = records::find(connection, id))
                change = to_removal(record->file);
            return records::trash(connection, id, how, announce);
        };
        bool trashed = co_await core_->database->write(job);
        if (trashed && change)
            core_->changes.add(std::move(*change));
        if (trashed)
            core_->announced();
        co_return trashed;
    }

    Task<std::optional<File>> find_trashed(std::string id) override
    {
        auto job = [&](sql::Connection& connection) { return records::find_trashed(connection, id); };
        co_return co_await core_->database->read(job);
    }

    Task<bool> restore(std::string id, events::Event announce) override
    {
        auto job = [&](sql::Connection& connection) { return records::restore(connection, id, announce); };
        bool restored = co_await core_->database->write(job);
        if (restored) {
            core_->changes.add({.id = std::move(id)});
            core_->announced();
        }
        co_return restored;
    }

    Task<void> sweep_trash(TimePoint now) override
    {
        auto job = [&] { core_->sweep_trash(now); };
        co_await core_->writing.run(job);
        core_->announced();
    }

    Task<bool> end_links(std::string id) override
    {
        auto job = [&](sql::Connection& connection) { return records::end_links(connection, id); };
        co_return co_await core_->database->write(job);
    }

    Task<bool> set_state(std::string id, State state, std::string reason,
                         std::optional<events::Event> announce) override
    {
        auto job = [&](sql::Connection& connection) {
            return records::set_state(connection, id, state, reason, announce);
        };
        bool changed = co_await core_->database->write(job);
        if (changed)
            core_->changes.add({.id = id});
        if (changed && announce)
            core_->announced();
        co_return changed;
    }

    Task<void> set_progress(std::string id, int percent) override
    {
        auto job = [&](sql::Connection& connection) { records::set_progress(connection, id, percent); };
        co_await core_->database->write(job);
        core_->changes.add({.id = std::move(id)});
    }

    Task<std::vector<events::Event>> read_outbox(std::size_t limit) override
    {
        auto job = [&](sql::Connection& connection) { return records::read_outbox(connection, limit); };
        co_return co_await core_->database->read(job);
    }

    Task<void> clear_outbox(std::vector<std::string> event_ids) override
    {
        auto job = [&](sql::Connection& connection) { records::clear_outbox(connection, event_ids); };
        co_await core_->database->write(job);
    }

    void on_announce(std::function<void()> notify) override { core_->notify = std::move(notify); }
    std::unique_ptr<ChangeFeed> changes() override { return std::make_unique<LocalChangeFeed>(core_); }
    void on_change(std::function<void()> notify) override { core_->changes.on_change(std::move(notify)); }
    bool ready() const override { return !core_->stopped.load(); }
    void stop() override { core_->stop(); }

private:
    static Change to_removal(const File& file)
    {
        return {.id = file.id, .owner = file.owner, .source = file.derived_from, .removed = true};
    }

    Task<std::optional<records::Record>> find_record(std::string id)
    {
        auto job = [&](sql::Connection& connection) { return records::find(connection, id); };
        co_return co_await core_->database->read(job);
    }

    std::shared_ptr<Core> core_;
    std::unique_ptr<UploadStore> uploads_;
};

}  // namespace

std::unique_ptr<FileStore> make_local_file_store(const std::filesystem::path& directory,
                                                 const std::filesystem::path& database_path,
                                                 const UploadOptions& uploads)
{
    return std::make_unique<LocalFileStore>(directory, sql::open_sqlite("files", database_path), uploads);
}

}  // namespace gatehouse::files
