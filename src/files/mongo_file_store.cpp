// SPDX-License-Identifier: Apache-2.0
// The file store on MongoDB. How an upload becomes visible, and what a crash after each step leaves:
//   1. an entry in fs.pending                        the sweeper removes it
//   2. chunks in fs.chunks, batch by batch           the sweeper removes them, found through the entry
//   3. the document in fs.files, with its event      the upload stands; the sweeper removes the entry
//   4. the entry goes                                nothing to do
// See docs/adr/0007-gridfs.md. Uploads in several requests: mongo_uploads.cpp.
#include "files/mongo_changes.hpp"
#include "files/mongo_content.hpp"
#include "files/mongo_core.hpp"
#include "files/mongo_records.hpp"
#include "files/mongo_uploads.hpp"

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace gatehouse::files {

namespace {

using mongo::Core;

constexpr std::size_t head_bytes_max = 4096;
constexpr std::size_t batch_bytes = 8 * mongo::chunk_bytes;
constexpr std::chrono::seconds outcome_limit{5};
constexpr std::chrono::milliseconds outcome_pause{100};

class MongoFileWriter final : public FileWriter {
public:
    MongoFileWriter(std::shared_ptr<Core> core, std::string id, const mongo::ObjectId& content)
        : core_(std::move(core)), id_(std::move(id)), content_(content)
    {
    }
    ~MongoFileWriter() override
    {
        core_->sweeper.end(content_);
        if (end_ != End::unknown)
            core_->settle_later({content_, end_ == End::visible});
    }

    Task<void> write(std::string_view bytes) override
    {
        GH_ASSERT(!sealed_);
        if (head_.size() < head_bytes_max)
            head_.append(bytes.substr(0, head_bytes_max - head_.size()));
        size_ += bytes.size();
        if (size_ > mongo::chunks_max * mongo::chunk_bytes)
            throw Unavailable("the content is larger than this store can hold");
        while (!bytes.empty()) {
            std::string_view part = bytes.substr(0, batch_bytes - batch_.size());
            batch_.append(part);
            bytes.remove_prefix(part.size());
            if (batch_.size() == batch_bytes)
                co_await flush();
        }
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
        co_await flush();
        std::string().swap(batch_);
        sha256_ = to_hex(hash_.finish());
        sealed_ = true;
    }

    Task<bool> commit(File& file, std::optional<events::Event> announce) override
    {
        GH_ASSERT(file.id == id_ && end_ == End::abandoned);
        co_await seal();
        file.size = size_;
        file.sha256 = sha256_;
        mongo::Record record{file, content_, static_cast<std::int64_t>(mongo::chunk_bytes)};
        auto job = [&] { return publish(record, announce); };
        bool visible = co_await core_->run(core_->records, job);
        if (visible && announce)
            core_->announced();
        co_return visible;
    }

private:
    // What is known of the content: `unknown` leaves the decision to the sweeper.
    enum class End { abandoned, visible, unknown };

    Task<void> flush()
    {
        auto job = [this] {
            if (end_ != End::abandoned)
                throw Unavailable("an earlier part of the content could not be written");
            hash_.update(batch_);
            // A write that fails may still happen, later than a removal.
            end_ = End::unknown;
            mongo::write_chunks(core_->database, content_, chunks_, batch_);
            end_ = End::abandoned;
            chunks_ += static_cast<std::uint32_t>((batch_.size() + mongo::chunk_bytes - 1) / mongo::chunk_bytes);
            batch_.clear();
        };
        co_await core_->run(core_->writing, job);
    }

    bool source_is_there(const File& file) const
    {
        return file.derived_from.empty() || mongo::find_record(core_->database, file.derived_from);
    }

    // On a pool thread, as what follows.
    bool publish(const mongo::Record& record, const std::optional<events::Event>& announce)
    {
        if (!source_is_there(record.file))
            return false;
        end_ = End::unknown;
        if (!insert(record, announce)) {
            end_ = End::abandoned;
            return false;
        }
        // Whoever removes the source meanwhile either finds this file, or has marked the source before this look.
        if (!source_is_there(record.file)) {
            mongo::mark_removed(core_->database, core_->outbox, record.file.id, core_->sweeper.purge_time(),
                                std::nullopt);
            end_ = End::visible;
            return false;
        }
        end_ = End::visible;
        return true;
    }

    // True: the document of this content is there. False: another one has the id.
    bool insert(const mongo::Record& record, const std::optional<events::Event>& announce)
    {
        try {
            if (mongo::insert_record(core_->database, core_->outbox, record, announce))
                return true;
        } catch (const Unavailable& e) {
            log::warn("files", "the outcome of a commit is unknown; looking",
                      {{"file", record.file.id}, {"error", e.what()}});
            if (look_for_outcome())
                return true;
            throw;
        }
        // The driver may have repeated an insert that had happened.
        if (mongo::find_record(core_->database, content_))
            return true;
        if (mongo::find_record(core_->database, record.file.id))
            return false;
        end_ = End::abandoned;
        throw Unavailable(fmt::format("the writer of file {} was taken for dead", record.file.id));
    }

    // Whether the document is there after all. When it is not, it may still come: the sweeper will know.
    bool look_for_outcome() const
    {
        auto end = std::chrono::steady_clock::now() + outcome_limit;
        while (std::chrono::steady_clock::now() < end) {
            try {
                if (mongo::find_record(core_->database, content_))
                    return true;
            } catch (const Unavailable&) {
                // Not there yet; the deadline ends this.
            }
            std::this_thread::sleep_for(outcome_pause);
        }
        return false;
    }

    std::shared_ptr<Core> core_;
    std::string id_;
    mongo::ObjectId content_;
    std::string batch_;  // what is not written yet, less than batch_bytes
    std::string head_;
    Sha256 hash_;
    std::string sha256_;
    std::uint64_t size_ = 0;
    std::uint32_t chunks_ = 0;  // written
    bool sealed_ = false;
    End end_ = End::abandoned;
};

class MongoFileReader final : public FileReader {
public:
    MongoFileReader(std::shared_ptr<Core> core, mongo::Record record)
        : core_(std::move(core)), record_(std::move(record)), left_(record_.file.size)
    {
    }

    const File& file() const override { return record_.file; }

    void seek(std::uint64_t offset, std::uint64_t length) override
    {
        offset_ = std::min(offset, record_.file.size);
        left_ = std::min(length, record_.file.size - offset_);
    }

    // One chunk, or the part of it that is asked for.
    Task<std::string_view> read() override
    {
        if (left_ == 0)
            co_return std::string_view{};
        auto chunk_size = static_cast<std::uint64_t>(record_.chunk_size);
        std::uint64_t n = offset_ / chunk_size;
        std::uint64_t begin = n * chunk_size;
        std::uint64_t size = std::min(chunk_size, record_.file.size - begin);
        if (!chunk_ || n_ != n) {
            if (n >= mongo::chunks_max)
                throw Unavailable(fmt::format("file {} has too many chunks", record_.file.id));
            auto job = [&] {
                return mongo::read_chunk(core_->database, record_.content, static_cast<std::uint32_t>(n), size);
            };
            chunk_ = co_await core_->run(core_->reading, job);
            n_ = n;
        }
        std::string_view data = chunk_->find_binary("data").value();
        std::string_view piece = data.substr(offset_ - begin, left_);
        offset_ += piece.size();
        left_ -= piece.size();
        co_return piece;
    }

private:
    std::shared_ptr<Core> core_;
    mongo::Record record_;
    std::uint64_t offset_ = 0;
    std::uint64_t left_;
    std::optional<mongo::Document> chunk_;  // the one read last
    std::uint64_t n_ = 0;
};

class MongoChangeFeed final : public ChangeFeed {
public:
    explicit MongoChangeFeed(std::shared_ptr<Core> core) : core_(std::move(core)), reader_(core_->database) {}

    Task<Changes> read(std::vector<std::string> owners, std::size_t limit) override
    {
        auto job = [&] { return reader_.read(owners, limit); };
        co_return co_await core_->run(core_->records, job);
    }

private:
    std::shared_ptr<Core> core_;
    mongo::ChangeReader reader_;
};

class MongoFileStore final : public FileStore {
public:
    MongoFileStore(const std::string& url, const MongoOptions& options)
        : core_(std::make_shared<Core>(url, options)), uploads_(mongo::make_uploads(core_))
    {
    }
    ~MongoFileStore() override { core_->stop(); }

    Task<std::unique_ptr<FileWriter>> create(std::string id) override
    {
        mongo::ObjectId content = mongo::make_content_id();
        auto job = [&] { core_->sweeper.begin(content); };
        co_await core_->run(core_->records, job);
        co_return std::make_unique<MongoFileWriter>(core_, std::move(id), content);
    }

    UploadStore& uploads() override { return *uploads_; }

    Task<std::optional<File>> find(std::string id) override
    {
        auto job = [&] { return mongo::find_visible(core_->database, id); };
        auto record = co_await core_->run(core_->records, job);
        if (!record)
            co_return std::nullopt;
        co_return std::move(record->file);
    }

    Task<std::unique_ptr<FileReader>> open(std::string id) override
    {
        auto job = [&] { return mongo::find_visible(core_->database, id); };
        auto record = co_await core_->run(core_->records, job);
        if (!record)
            co_return nullptr;
        co_return std::make_unique<MongoFileReader>(core_, std::move(*record));
    }

    Task<std::vector<File>> list(ListQuery query) override
    {
        auto job = [&] { return mongo::list(core_->database, query); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<std::vector<File>> derived(std::vector<std::string> source_ids) override
    {
        auto job = [&] { return mongo::derived(core_->database, source_ids); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<Usage> usage(std::string owner) override
    {
        auto job = [&] { return mongo::usage(core_->database, owner); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<bool> remove(std::string id, events::Event announce) override
    {
        auto job = [&] { return remove_blocking(id, announce); };
        bool removed = co_await core_->run(core_->records, job);
        if (removed)
            core_->announced();
        co_return removed;
    }

    Task<bool> trash(std::string id, Trashed how, events::Event announce) override
    {
        auto job = [&] { return trash_blocking(id, how, announce); };
        bool trashed = co_await core_->run(core_->records, job);
        if (trashed)
            core_->announced();
        co_return trashed;
    }

    Task<std::optional<File>> find_trashed(std::string id) override
    {
        auto job = [&] { return mongo::find_trashed(core_->database, id); };
        auto record = co_await core_->run(core_->records, job);
        if (!record)
            co_return std::nullopt;
        co_return std::move(record->file);
    }

    Task<bool> restore(std::string id, events::Event announce) override
    {
        auto job = [&] {
            auto record = mongo::find_trashed(core_->database, id);
            return record && mongo::mark_restored(core_->database, core_->outbox, record->file, announce);
        };
        bool restored = co_await core_->run(core_->records, job);
        if (restored)
            core_->announced();
        co_return restored;
    }

    Task<void> sweep_trash(TimePoint now) override
    {
        auto job = [&] { core_->sweeper.sweep_trash(now); };
        co_await core_->run(core_->writing, job);
        core_->announced();
    }

    Task<bool> end_links(std::string id) override
    {
        auto job = [&] { return mongo::end_links(core_->database, id); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<bool> set_state(std::string id, State state, std::string reason,
                         std::optional<events::Event> announce) override
    {
        auto job = [&] { return mongo::set_state(core_->database, core_->outbox, id, state, reason, announce); };
        bool changed = co_await core_->run(core_->records, job);
        if (changed && announce)
            core_->announced();
        co_return changed;
    }

    Task<void> set_progress(std::string id, int percent) override
    {
        auto job = [&] { mongo::set_progress(core_->database, id, percent); };
        co_await core_->run(core_->records, job);
    }

    Task<std::vector<events::Event>> read_outbox(std::size_t limit) override
    {
        auto job = [&] { return core_->outbox.read(limit); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<void> clear_outbox(std::vector<std::string> event_ids) override
    {
        auto job = [&] { core_->outbox.clear(event_ids); };
        co_await core_->run(core_->records, job);
    }

    void on_announce(std::function<void()> notify) override { core_->notify = std::move(notify); }
    std::unique_ptr<ChangeFeed> changes() override { return std::make_unique<MongoChangeFeed>(core_); }
    void on_change(std::function<void()>) override {}  // another process may make it just as well: feeds are polled
    bool ready() const override { return core_->ready(); }
    void stop() override { core_->stop(); }

private:
    // The file first: from then on nothing new can be derived from it. The sweeper finishes what a crash interrupts.
    bool remove_blocking(const std::string& id, const events::Event& announce)
    {
        // An upload that became this file must not become it again.
        core_->uploads.end(id);
        TimePoint purge_at = core_->sweeper.purge_time();
        if (!mark_removed(id, purge_at, announce))
            return false;
        try {
            mongo::mark_derived_removed(core_->database, core_->outbox, {id}, purge_at);
        } catch (const Unavailable& e) {
            // The removal stands, and is announced.
            log::warn("files", "what was derived from a removed file goes with the next sweep",
                      {{"file", id}, {"error", e.what()}});
        }
        return true;
    }

    // Wherever it is: it may be on its way into the trash, or out of it.
    bool mark_removed(const std::string& id, TimePoint purge_at, const events::Event& announce)
    {
        if (auto record = mongo::find_record(core_->database, id))
            if (mongo::mark_removed(core_->database, core_->outbox, id, purge_at, announce, &record->file))
                return true;
        auto trashed = mongo::find_trashed(core_->database, id);
        return trashed && mongo::mark_trash_removed(core_->database, core_->outbox, trashed->file, purge_at, announce);
    }

    bool trash_blocking(const std::string& id, const Trashed& how, const events::Event& announce)
    {
        // As in remove_blocking().
        core_->uploads.end(id);
        auto record = mongo::find_record(core_->database, id);
        return record && record->file.derived_from.empty() &&
               mongo::mark_trashed(core_->database, core_->outbox, record->file, how, announce);
    }

    std::shared_ptr<Core> core_;
    std::unique_ptr<UploadStore> uploads_;
};

}  // namespace

std::unique_ptr<FileStore> make_mongo_file_store(const std::string& url, const MongoOptions& options)
{
    return std::make_unique<MongoFileStore>(url, options);
}

}  // namespace gatehouse::files
