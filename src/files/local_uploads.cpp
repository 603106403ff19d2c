// SPDX-License-Identifier: Apache-2.0
// Uploads on one machine: content in tmp/<name>, what of it is durable in the table `uploads`.
//
// A writer writes behind the offset, syncs, and then moves the offset in the row. What a crash leaves behind the offset
// is cut off by the next writer. Two things keep a superseded writer from doing harm: its turn, which every write to
// the file looks at while it holds the turn's mutex, and the row's epoch, which every change of the row names.
//
// How an upload ends: its content is linked to content/, then one transaction replaces its row by the file's record and
// the outbox event, then tmp/<name> is unlinked. After a crash between any of these the next writer repeats the rest.
#include "files/local_uploads.hpp"

#include "base/encoding.hpp"
#include "base/resumable_sha256.hpp"
#include "files/appended_file.hpp"
#include "files/file_records.hpp"
#include "files/gathering.hpp"
#include "files/upload_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace gatehouse::files::local {

namespace {

using Access = UploadStore::Access;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t head_bytes_max = 4096;
constexpr std::size_t read_piece_bytes = 1U << 20U;

[[noreturn]] void fail(const char* what)
{
    std::string reason = std::generic_category().message(errno);
    throw Unavailable(fmt::format("cannot {} the content of an upload: {}", what, reason));
}

std::string read_at(int file, std::size_t size, std::uint64_t offset)
{
    std::string bytes(size, '\0');
    std::size_t at = 0;
    while (at < size) {
        ssize_t count = ::pread(file, bytes.data() + at, size - at, static_cast<off_t>(offset + at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail("read");
        if (count == 0)
            throw Unavailable("the content of an upload is shorter than its offset says");
        at += static_cast<std::size_t>(count);
    }
    return bytes;
}

// Whose turn it is to write to one upload.
class Turn final {
public:
    // False while somebody else's lasts.
    bool take(std::uint64_t writer, std::chrono::milliseconds stalled_after)
    {
        std::scoped_lock lock(mutex_);
        if (writer_ != 0 && std::chrono::steady_clock::now() - active_.load() < stalled_after)
            return false;
        writer_ = writer;
        show_life();
        return true;
    }
    void end(std::uint64_t writer)
    {
        std::scoped_lock lock(mutex_);
        if (writer_ == writer)
            writer_ = 0;
    }
    void end_any()
    {
        std::scoped_lock lock(mutex_);
        writer_ = 0;
    }
    void show_life() { active_.store(std::chrono::steady_clock::now()); }

    // Runs `work` while nobody can take the turn from `writer`. Throws Superseded when it is over.
    template <class F>
    auto hold(std::uint64_t writer, F work)
    {
        std::scoped_lock lock(mutex_);
        if (writer_ != writer)
            throw Superseded();
        return work();
    }

private:
    std::mutex mutex_;
    std::uint64_t writer_ = 0;  // 0: nobody
    std::atomic<SteadyTime> active_{SteadyTime{}};
};

// The turns of the uploads that somebody writes to.
class Turns final {
public:
    std::shared_ptr<Turn> of(const std::string& id)
    {
        std::scoped_lock lock(mutex_);
        std::erase_if(turns_, [](const auto& entry) { return entry.second.expired(); });
        auto& known = turns_[id];
        auto turn = known.lock();
        if (!turn) {
            turn = std::make_shared<Turn>();
            known = turn;
        }
        return turn;
    }
    std::uint64_t next_writer() { return ++writers_; }

private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<Turn>> turns_;
    std::atomic<std::uint64_t> writers_{0};
};

ResumableSha256 restore(const std::string& saved)
{
    auto hash = ResumableSha256::restore(saved);
    if (!hash)
        throw Unavailable("the saved hash of an upload makes no sense");
    return *hash;
}

// Where an upload's content goes, on a pool thread, as long as it is its writer's turn; which ends with this.
class Sink final {
public:
    Sink(std::shared_ptr<Turn> turn, std::uint64_t number, UniqueFd file, const upload_records::Record& record)
        : turn_(std::move(turn)), number_(number), file_(std::move(file), record.upload.offset),
          hash_(restore(record.hash))
    {
    }
    ~Sink() { turn_->end(number_); }
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;

    void put()
    {
        auto work = [this] {
            file_.append(bytes);
            hash_.update(bytes);
            bytes.clear();
        };
        turn_->hold(number_, work);
        file_.begin_to_flush();
        turn_->show_life();
    }
    void sync()
    {
        put();
        file_.sync();
    }
    template <class F>
    void hold(F work)
    {
        turn_->hold(number_, work);
    }

    Turn& turn() const { return *turn_; }
    std::uint64_t number() const { return number_; }
    int file() const { return file_.get(); }
    std::uint64_t offset() const { return file_.offset(); }
    const ResumableSha256& hash() const { return hash_; }  // of what was put

    std::string bytes;  // that come next

private:
    std::shared_ptr<Turn> turn_;
    std::uint64_t number_;
    AppendedFile file_;
    ResumableSha256 hash_;
};

class LocalUploadWriter final : public UploadWriter {
public:
    LocalUploadWriter(std::shared_ptr<Core> core, upload_records::Record record, std::shared_ptr<Sink> sink)
        : core_(std::move(core)), record_(std::move(record)), arriving_(core_->writing, std::move(sink)),
          written_(record_.upload.offset), length_(record_.upload.length), expires_at_(record_.upload.expires_at)
    {
    }
    ~LocalUploadWriter() override
    {
        if (finishing_)
            core_->settle_later(record_.content);
    }

    const Upload& upload() const override { return record_.upload; }
    std::uint64_t written() const override { return written_; }

    Task<void> write(std::string_view bytes) override
    {
        arriving_.sink().turn().show_life();
        written_ += bytes.size();
        co_await arriving_.write(bytes);
    }

    void set_length(std::uint64_t length) override
    {
        GH_ASSERT(!length_ && length >= written());
        length_ = length;
    }

    void set_expiry(TimePoint expires_at) override { expires_at_ = expires_at; }

    Task<void> confirm() override
    {
        GH_ASSERT(!length_ || written_ <= *length_);
        arriving_.sink().turn().show_life();
        co_await arriving_.join();
        if (written_ == record_.upload.offset && length_ == record_.upload.length)
            co_return;
        co_await arriving_.hand_over();
        auto sync = [this] { arriving_.sink().sync(); };
        co_await core_->writing.run(sync);
        upload_records::Record next = record_;
        next.upload.offset = arriving_.sink().offset();
        next.upload.length = length_;
        next.upload.expires_at = expires_at_;
        next.hash = arriving_.sink().hash().save();
        auto update = [&](sql::Connection& connection) { return upload_records::update(connection, next); };
        bool mine = co_await core_->database->write(update);
        if (!mine)
            throw Superseded();
        record_ = std::move(next);
    }

    Task<std::string> head() override
    {
        auto job = [this] {
            return read_at(arriving_.sink().file(), std::min<std::uint64_t>(record_.upload.offset, head_bytes_max), 0);
        };
        co_return co_await core_->reading.run(job);
    }

    std::string sha256() const override
    {
        GH_ASSERT(written_ == record_.upload.offset);
        ResumableSha256 whole = arriving_.sink().hash();
        return to_hex(whole.finish());
    }

    Task<void> finish(File& file, events::Event announce) override
    {
        GH_ASSERT(record_.upload.complete() && written_ == record_.upload.offset && file.id == record_.upload.id);
        file.size = record_.upload.offset;
        file.sha256 = sha256();
        finishing_ = true;
        auto publish = [this] {
            auto link = [this] { core_->content.publish(record_.content); };
            arriving_.sink().hold(link);
        };
        co_await core_->writing.run(publish);
        auto replace = [&](sql::Connection& connection) {
            return upload_records::end(connection, record_) &&
                   records::insert(connection, {file, record_.content}, announce);
        };
        bool mine = co_await core_->database->write(replace);
        if (!mine)
            throw Superseded();
        core_->changes.add({file.id, file.owner, file.derived_from});
        core_->announced();
    }

    Task<void> release() override
    {
        // What is being written counts for nothing, but until it is the turn cannot be ended without waiting.
        try {
            co_await arriving_.join();
        } catch (const std::exception&) {
            // Dropped, as all that was not confirmed.
        }
        arriving_.sink().turn().end(arriving_.sink().number());
    }

private:
    std::shared_ptr<Core> core_;
    upload_records::Record record_;
    Gathering<Sink> arriving_;
    std::uint64_t written_;
    std::optional<std::uint64_t> length_;
    TimePoint expires_at_;
    bool finishing_ = false;  // there may be a second name, and a record or none
};

// Reads on after the upload was removed.
class LocalUploadReader final : public UploadReader {
public:
    LocalUploadReader(std::shared_ptr<Core> core, UniqueFd file, std::uint64_t offset, std::uint64_t end)
        : core_(std::move(core)), file_(std::move(file)), offset_(offset), end_(end)
    {
    }

    Task<std::string_view> read() override
    {
        std::size_t want = std::min<std::uint64_t>(end_ - std::min(end_, offset_), read_piece_bytes);
        auto job = [this, want] { piece_ = read_at(file_.get(), want, offset_); };
        if (want == 0)
            co_return std::string_view{};
        co_await core_->reading.run(job);
        offset_ += want;
        co_return piece_;
    }

private:
    std::shared_ptr<Core> core_;
    UniqueFd file_;
    std::uint64_t offset_;
    std::uint64_t end_;
    std::string piece_;
};

class LocalUploads final : public UploadStore {
public:
    explicit LocalUploads(std::shared_ptr<Core> core) : core_(std::move(core)) {}

    Task<Creation> create(Upload upload, UploadBounds bounds) override
    {
        upload_records::Record record{std::move(upload), "", ResumableSha256().save()};
        record.content = ContentDirectory::make_name(record.upload.id);
        auto make = [&] {
            UniqueFd file = core_->content.create_temporary(record.content);
            core_->content.sync_temporaries();
        };
        co_await core_->writing.run(make);
        // Whatever becomes of the row: the name goes when there is none.
        Settling settling(*core_, record.content);
        auto insert = [&](sql::Connection& connection) { return upload_records::insert(connection, record, bounds); };
        Creation creation = co_await core_->database->write(insert);
        settling.needed = creation != Creation::created;
        co_return creation;
    }

    Task<std::uint64_t> claimed(std::string owner) override
    {
        auto look = [&](sql::Connection& connection) { return upload_records::claimed(connection, owner); };
        co_return co_await core_->database->read(look);
    }

    Task<std::unique_ptr<UploadReader>> read(std::string id, std::uint64_t offset) override
    {
        auto look = [&](sql::Connection& connection) { return upload_records::find(connection, id); };
        auto record = co_await core_->database->read(look);
        if (!record || !record->upload.complete())
            co_return nullptr;
        auto job = [&] { return core_->content.open_temporary(record->content); };
        UniqueFd file = co_await core_->reading.run(job);
        if (!file)  // removed in between
            co_return nullptr;
        co_return std::make_unique<LocalUploadReader>(core_, std::move(file), offset, record->upload.offset);
    }

    Task<std::optional<Upload>> find(std::string id) override
    {
        auto look = [&](sql::Connection& connection) { return upload_records::find(connection, id); };
        auto record = co_await core_->database->read(look);
        if (!record)
            co_return std::nullopt;
        co_return std::move(record->upload);
    }

    Task<Opening> open(std::string id, TimePoint expires_at) override
    {
        auto turn = turns_.of(id);
        std::uint64_t number = turns_.next_writer();
        // On a pool thread, because who has the turn may be writing to the disk.
        auto wait = [&] { return turn->take(number, core_->options.stalled_after); };
        bool taken = co_await core_->writing.run(wait);
        if (!taken)
            co_return Opening{Access::busy, nullptr};
        TurnEnd end{turn, number};
        auto take = [&](sql::Connection& connection) { return upload_records::take(connection, id, expires_at); };
        auto record = co_await core_->database->write(take);
        if (!record)
            co_return Opening{};
        auto prepare = [&] { return open_content(*turn, number, *record); };
        std::optional<UniqueFd> file = co_await core_->writing.run(prepare);
        if (!file)
            co_return Opening{Access::busy, nullptr};
        auto sink = std::make_shared<Sink>(turn, number, std::move(*file), *record);
        end.turn = nullptr;
        auto writer = std::make_unique<LocalUploadWriter>(core_, std::move(*record), std::move(sink));
        co_return Opening{Access::granted, std::move(writer)};
    }

    Task<bool> remove(std::string id) override
    {
        auto job = [&](sql::Connection& connection) { return upload_records::remove(connection, id); };
        auto content = co_await core_->database->write(job);
        if (!content)
            co_return false;
        turns_.of(id)->end_any();
        core_->settle_later(std::move(*content));
        co_return true;
    }

    Task<void> sweep(TimePoint now) override
    {
        auto job = [&] { core_->remove_expired(now); };
        co_await core_->writing.run(job);
    }

private:
    struct Settling {
        Settling(Core& core, std::string name) : core(core), name(std::move(name)) {}
        ~Settling()
        {
            if (needed)
                core.settle_later(std::move(name));
        }
        Settling(const Settling&) = delete;
        Settling& operator=(const Settling&) = delete;
        Core& core;
        std::string name;
        bool needed = true;
    };
    struct TurnEnd {
        TurnEnd(std::shared_ptr<Turn> taken, std::uint64_t number) : turn(std::move(taken)), number(number) {}
        ~TurnEnd()
        {
            if (turn)
                turn->end(number);
        }
        TurnEnd(const TurnEnd&) = delete;
        TurnEnd& operator=(const TurnEnd&) = delete;
        std::shared_ptr<Turn> turn;
        std::uint64_t number;
    };

    // Cuts off what writers before left behind the offset. nullopt when the turn is over already.
    std::optional<UniqueFd> open_content(Turn& turn, std::uint64_t number, const upload_records::Record& record) const
    {
        UniqueFd file = core_->content.open_temporary(record.content);
        if (!file)
            throw Unavailable(fmt::format("the content of upload {} is missing", record.upload.id));
        auto cut = [&] {
            struct stat found{};
            if (::fstat(file.get(), &found) != 0)
                fail("look at");
            if (static_cast<std::uint64_t>(found.st_size) < record.upload.offset)
                throw Unavailable(fmt::format("the content of upload {} is shorter than its offset", record.upload.id));
            if (::ftruncate(file.get(), static_cast<off_t>(record.upload.offset)) != 0)
                fail("cut");
        };
        try {
            turn.hold(number, cut);
        } catch (const Superseded&) {
            return std::nullopt;
        }
        return file;
    }

    std::shared_ptr<Core> core_;
    Turns turns_;
};

}  // namespace

std::unique_ptr<UploadStore> make_uploads(std::shared_ptr<Core> core)
{
    return std::make_unique<LocalUploads>(std::move(core));
}

}  // namespace gatehouse::files::local
