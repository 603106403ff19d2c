// SPDX-License-Identifier: Apache-2.0
// Uploads on MongoDB. What happens, and what a crash after each step leaves:
//   1. an entry of the log takes the upload              others wait until the holder's time is over
//   2. chunks, batch by batch, with the writer's epoch   nobody counts them; later writers replace them
//   3. an entry of the log confirms them                 they count
//   4. the document in fs.files, with its event          the file stands; whoever finishes or removes ends the upload
//   5. the upload is marked as ended                     its documents are purged later
// See mongo_upload_log.hpp for why a superseded writer can do no harm.
#include "files/mongo_uploads.hpp"

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/resumable_sha256.hpp"
#include "files/mongo_content.hpp"
#include "files/mongo_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gatehouse::files::mongo {

namespace {

using Access = UploadStore::Access;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t batch_bytes = 8 * chunk_bytes;
constexpr std::size_t head_bytes_max = 4096;
constexpr std::size_t holder_bytes = 8;

ResumableSha256 restore(const UploadEntry& entry)
{
    if (entry.hash.empty())
        return {};
    auto hash = ResumableSha256::restore(entry.hash);
    if (!hash)
        throw Unavailable(fmt::format("MongoDB: the saved hash of upload {} makes no sense", entry.upload));
    return *hash;
}

class MongoUploadWriter final : public UploadWriter {
public:
    // `entry` is the one by which it took the upload.
    MongoUploadWriter(std::shared_ptr<Core> core, UploadDocument document, UploadEntry entry, SteadyTime taken_at)
        : core_(std::move(core)), document_(std::move(document)), epoch_(entry.seq), entry_(std::move(entry)),
          hash_(restore(entry_)), batch_(entry_.tail), hashed_(batch_.size()), chunks_(entry_.chunks),
          written_(entry_.offset), length_(entry_.length), expires_at_(document_.upload.expires_at),
          known_at_(taken_at), extended_at_(taken_at)
    {
        show_entry();
    }
    ~MongoUploadWriter() override
    {
        if (released_)
            return;
        auto release = [core = core_.get(), entry = closing_entry()] { core->uploads.release(entry); };
        core_->run_later(release);
    }

    const Upload& upload() const override { return document_.upload; }
    std::uint64_t written() const override { return written_; }

    Task<void> write(std::string_view bytes) override
    {
        written_ += bytes.size();
        while (!bytes.empty()) {
            std::string_view part = bytes.substr(0, batch_bytes - batch_.size());
            batch_.append(part);
            bytes.remove_prefix(part.size());
            if (batch_.size() < batch_bytes)
                continue;
            auto job = [this] {
                flush(false);
                extend();
            };
            co_await core_->run(core_->writing, job);
        }
    }

    void set_length(std::uint64_t length) override
    {
        GH_ASSERT(!length_ && length >= written_);
        length_ = length;
    }

    void set_expiry(TimePoint expires_at) override { expires_at_ = expires_at; }

    Task<void> confirm() override
    {
        GH_ASSERT(!length_ || written_ <= *length_);
        if (written_ == entry_.offset && length_ == entry_.length)
            co_return;
        auto job = [this] { confirm_blocking(); };
        co_await core_->run(core_->writing, job);
        show_entry();
    }

    Task<std::string> head() override
    {
        auto job = [this] { return read_head(); };
        co_return co_await core_->run(core_->reading, job);
    }

    std::string sha256() const override
    {
        GH_ASSERT(written_ == entry_.offset);
        ResumableSha256 whole = hash_;
        return to_hex(whole.finish());
    }

    Task<void> finish(File& file, events::Event announce) override
    {
        GH_ASSERT(document_.upload.complete() && written_ == entry_.offset && file.id == document_.upload.id);
        file.size = entry_.offset;
        file.sha256 = sha256();
        Record record{file, document_.content, static_cast<std::int64_t>(chunk_bytes)};
        auto job = [&] { publish(record, announce); };
        co_await core_->run(core_->records, job);
        core_->announced();
    }

    Task<void> release() override
    {
        if (released_)
            co_return;
        auto job = [this] { core_->uploads.release(closing_entry()); };
        co_await core_->run(core_->records, job);
        released_ = true;
    }

private:
    void show_entry()
    {
        document_.upload.offset = entry_.offset;
        document_.upload.length = entry_.length;
        document_.upload.expires_at = expires_at_;
    }
    std::chrono::milliseconds stalled_after() const { return core_->options.uploads.stalled_after; }
    TimePoint lease_end() const { return Clock().now() + stalled_after(); }

    // Chunks that were written and not confirmed may lie where the content will have ended.
    UploadEntry closing_entry() const
    {
        UploadEntry entry = entry_;
        entry.unclean = entry.unclean || chunks_ != entry_.chunks || failed_;
        return entry;
    }

    // On a pool thread, as what follows. Writes the whole chunks of the batch; with `all` the rest as well.
    void flush(bool all)
    {
        hash_.update(std::string_view(batch_).substr(hashed_));
        hashed_ = batch_.size();
        std::size_t size = all ? batch_.size() : batch_.size() / chunk_bytes * chunk_bytes;
        auto count = static_cast<std::uint32_t>((size + chunk_bytes - 1) / chunk_bytes);
        if (chunks_ + std::uint64_t{count} > chunks_max)
            throw Unavailable("the content is larger than this store can hold");
        failed_ = true;  // a write that fails may still happen
        write_upload_chunks(core_->database, document_.content, epoch_, chunks_,
                            std::string_view(batch_).substr(0, size));
        failed_ = false;
        chunks_ += count;
        batch_.erase(0, size);
        hashed_ = batch_.size();
    }

    void confirm_blocking()
    {
        bool complete = length_ == written_;
        flush(complete);
        UploadEntry next = entry_;
        next.length = length_;
        next.offset = written_;
        next.chunks = chunks_;
        next.tail = batch_;
        next.hash = hash_.save();
        next.until = lease_end();
        failed_ = true;
        auto now = std::chrono::steady_clock::now();
        if (!core_->uploads.append(entry_, next, known_at_)) {
            remove_upload_chunks(core_->database, document_.content, epoch_, entry_.chunks, chunks_);
            chunks_ = entry_.chunks;
            throw Superseded();
        }
        failed_ = false;
        entry_ = std::move(next);
        known_at_ = now;
        extended_at_ = now;
        core_->uploads.set_expiry(entry_.upload, expires_at_, entry_.length.value_or(entry_.offset));
    }

    // A long body that may not be confirmed before its end.
    void extend()
    {
        auto now = std::chrono::steady_clock::now();
        if (now - extended_at_ < stalled_after() / 3)
            return;
        core_->uploads.extend(entry_, lease_end());
        extended_at_ = now;
    }

    std::string read_head() const
    {
        if (entry_.chunks == 0)
            return entry_.tail.substr(0, head_bytes_max);
        auto size = std::min<std::uint64_t>(entry_.offset, chunk_bytes);
        Document chunk = read_chunk(core_->database, document_.content, 0, size);
        return std::string(chunk.find_binary("data").value().substr(0, head_bytes_max));
    }

    void publish(const Record& record, const events::Event& announce)
    {
        bool inserted = insert_record(core_->database, core_->outbox, record, announce);
        if (!inserted) {
            // The driver may have repeated an insert that had happened; else somebody has finished or removed it.
            Document filter;
            filter.add("_id", document_.content);
            auto there = core_->database.find_one(files_collection, filter);
            inserted = there && there->has(("metadata.outbox." + announce.id).c_str());
            if (!there || (!inserted && there->has("metadata.purge_at") && !there->has("metadata.removed_id")))
                throw Superseded();
        }
        end_upload();
        if (!inserted)
            throw Superseded();
    }

    // The file stands whatever becomes of this; the next who finishes or removes the upload repeats it.
    void end_upload()
    {
        released_ = true;
        try {
            core_->uploads.end(document_.upload.id);
        } catch (const Unavailable& e) {
            log::warn("files", "a finished upload could not be marked as ended",
                      {{"upload", document_.upload.id}, {"error", e.what()}});
        }
    }

    std::shared_ptr<Core> core_;
    UploadDocument document_;
    std::int64_t epoch_;
    UploadEntry entry_;     // the last that this writer made
    ResumableSha256 hash_;  // up to `hashed_` in the batch
    std::string batch_;     // what is in no chunk yet, less than batch_bytes
    std::size_t hashed_;
    std::uint32_t chunks_;  // written
    std::uint64_t written_;
    std::optional<std::uint64_t> length_;
    TimePoint expires_at_;
    SteadyTime known_at_;  // when `entry_` was the last for certain
    SteadyTime extended_at_;
    bool failed_ = false;  // a write may have happened or not
    bool released_ = false;
};

// All of a complete upload lies in whole chunks but the last.
class MongoUploadReader final : public UploadReader {
public:
    MongoUploadReader(std::shared_ptr<Core> core, const ObjectId& content, std::uint64_t offset, std::uint64_t end)
        : core_(std::move(core)), content_(content), offset_(offset), end_(end)
    {
    }

    Task<std::string_view> read() override
    {
        if (offset_ >= end_)
            co_return std::string_view{};
        std::uint64_t n = offset_ / chunk_bytes;
        std::uint64_t begin = n * chunk_bytes;
        std::uint64_t size = std::min<std::uint64_t>(chunk_bytes, end_ - begin);
        auto job = [&] { return read_chunk(core_->database, content_, static_cast<std::uint32_t>(n), size); };
        chunk_ = co_await core_->run(core_->reading, job);
        std::string_view piece = chunk_->find_binary("data").value().substr(offset_ - begin);
        offset_ += piece.size();
        co_return piece;
    }

private:
    std::shared_ptr<Core> core_;
    ObjectId content_;
    std::uint64_t offset_;
    std::uint64_t end_;
    std::optional<Document> chunk_;  // the one read last
};

class MongoUploads final : public UploadStore {
public:
    explicit MongoUploads(std::shared_ptr<Core> core) : core_(std::move(core)) {}

    Task<Creation> create(Upload upload, UploadBounds bounds) override
    {
        UploadDocument document{std::move(upload), make_content_id()};
        auto job = [&] { return core_->uploads.create(document, bounds); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<std::uint64_t> claimed(std::string owner) override
    {
        auto job = [&] { return core_->uploads.claimed(owner); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<std::unique_ptr<UploadReader>> read(std::string id, std::uint64_t offset) override
    {
        std::optional<UploadDocument> document;
        auto job = [&] { return find_blocking(id, &document); };
        auto upload = co_await core_->run(core_->records, job);
        if (!upload || !upload->complete())
            co_return nullptr;
        co_return std::make_unique<MongoUploadReader>(core_, document->content, offset, upload->offset);
    }

    Task<std::optional<Upload>> find(std::string id) override
    {
        auto job = [&] { return find_blocking(id); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<Opening> open(std::string id, TimePoint expires_at) override
    {
        auto job = [&] { return take(id, expires_at); };
        co_return co_await core_->run(core_->records, job);
    }

    Task<bool> remove(std::string id) override
    {
        auto job = [&] { return core_->uploads.remove(id); };
        co_return co_await core_->run(core_->writing, job);
    }

    Task<void> sweep(TimePoint now) override
    {
        auto job = [&] { core_->uploads.remove_expired(now); };
        co_await core_->run(core_->writing, job);
    }

private:
    // On a pool thread, as what follows.
    std::optional<Upload> find_blocking(const std::string& id, std::optional<UploadDocument>* kept = nullptr)
    {
        auto document = core_->uploads.find_open(id);
        if (!document)
            return std::nullopt;
        UploadEntry last = core_->uploads.last_entry(*document);
        if (last.removed)
            return std::nullopt;
        document->upload.offset = last.offset;
        document->upload.length = last.length;
        if (kept)
            *kept = document;
        return std::move(document->upload);
    }

    Opening take(const std::string& id, TimePoint expires_at)
    {
        auto began = std::chrono::steady_clock::now();
        auto document = core_->uploads.find_open(id);
        if (!document)
            return {};
        UploadEntry last = core_->uploads.last_entry(*document);
        if (last.removed)
            return {};
        TimePoint now = Clock().now();
        if (!last.holder.empty() && last.until > now)
            return {Access::busy, nullptr};
        UploadEntry mine = last;
        mine.unclean = last.unclean || !last.holder.empty();
        mine.holder = to_hex(random_bytes(holder_bytes));
        mine.until = now + core_->options.uploads.stalled_after;
        if (!core_->uploads.append(last, mine, began))
            return {Access::busy, nullptr};  // somebody was faster
        document->upload.expires_at = expires_at;
        auto writer = std::make_unique<MongoUploadWriter>(core_, *document, std::move(mine), began);
        core_->uploads.set_expiry(id, expires_at, last.length.value_or(last.offset));
        return {Access::granted, std::move(writer)};
    }

    std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<UploadStore> make_uploads(std::shared_ptr<Core> core)
{
    return std::make_unique<MongoUploads>(std::move(core));
}

}  // namespace gatehouse::files::mongo
