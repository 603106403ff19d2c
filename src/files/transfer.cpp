// SPDX-License-Identifier: Apache-2.0
#include "files/transfer.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "files/content_directory.hpp"
#include "files/examination.hpp"
#include "files/file_records.hpp"
#include "files/mongo_core.hpp"
#include "files/mongo_records.hpp"
#include "files/mongo_unfinished.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace gatehouse::files {

namespace {

constexpr std::size_t page_files = 200;
constexpr std::size_t threads_max = 6;
constexpr std::size_t batch_bytes = 8 * mongo::chunk_bytes;
constexpr std::size_t damaged_max = 20;

// Calls `work` with each item, on a few threads; what the first of them threw comes out when all have ended.
template <class Items, class Work>
void for_each_at_once(const Items& items, Work work)
{
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::exception_ptr error;
    auto run = [&] {
        try {
            for (std::size_t i = next++; i < items.size() && !failed; i = next++)
                work(items[i]);
        } catch (...) {
            std::scoped_lock lock(mutex);
            if (!failed.exchange(true))
                error = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < std::min(threads_max, items.size()); ++i)
            threads.emplace_back(run);
    }
    if (error)
        std::rethrow_exception(error);
}

// As much as there is, at most `size`.
std::size_t read_some(int file, char* buffer, std::size_t size, const std::string& path)
{
    std::size_t have = 0;
    while (have < size) {
        ssize_t got = ::read(file, buffer + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw Unavailable(fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
        if (got == 0)
            break;
        have += static_cast<std::size_t>(got);
    }
    return have;
}

std::vector<std::string> ids_of(const auto& found)
{
    std::vector<std::string> ids;
    ids.reserve(found.size());
    for (const auto& record : found)
        ids.push_back(record.file.id);
    return ids;
}

// What of the two differs, for people: names of members, no values.
std::string describe_difference(const File& a, const File& b)
{
    std::string what;
    auto add = [&](bool differs, std::string_view name) {
        if (differs)
            what += fmt::format("{}{}", what.empty() ? "" : ", ", name);
    };
    add(a.owner != b.owner, "owner");
    add(a.name != b.name, "name");
    add(a.type != b.type, "type");
    add(a.size != b.size, "size");
    add(a.sha256 != b.sha256, "sha256");
    add(a.created_at != b.created_at, "created_at");
    add(a.state != b.state, "state");
    add(a.reason != b.reason, "reason");
    add(a.progress != b.progress, "progress");
    add(a.derived_from != b.derived_from, "derived_from");
    add(a.processor != b.processor, "processor");
    add(a.link_generation != b.link_generation, "links");
    add(a.trashed != b.trashed, "trash");
    return what;
}

}  // namespace

struct FileTransfer::State {
    State(sql::Connection& from, std::filesystem::path where, const std::string& url, bool vanish)
        : records(from), directory(std::move(where)), may_vanish(vanish), core(url, MongoOptions{}, true)
    {
    }

    enum class Put { done, vanished, damaged };
    Put put(const records::Record& record, const std::function<void(std::uint64_t)>& moved);
    Put write_content(const records::Record& record, const mongo::ObjectId& content,
                      const std::function<void(std::uint64_t)>& moved);
    std::string hash_content(const mongo::Record& record, const std::function<void(std::uint64_t)>& moved);
    void remove(const File& file);
    template <class Visit>
    void for_each_target_page(Visit visit);
    std::uint64_t remove_others();
    std::vector<std::string> find_others(const std::vector<mongo::Record>& page);

    sql::Connection& records;
    std::filesystem::path directory;
    bool may_vanish;
    std::set<std::string> vanished;
    mongo::Core core;
};

FileTransfer::FileTransfer(sql::Connection& records, std::filesystem::path directory, const std::string& url,
                           bool may_vanish)
    : state_(std::make_unique<State>(records, std::move(directory), url, may_vanish))
{
}

FileTransfer::~FileTransfer() = default;

std::optional<std::string> FileTransfer::find_mark() { return mongo::find_unfinished(state_->core.database); }
void FileTransfer::mark(const std::string& origin) { mongo::mark_unfinished(state_->core.database, origin); }
void FileTransfer::clear_mark() { mongo::clear_unfinished(state_->core.database); }

std::vector<std::string> FileTransfer::list_target()
{
    std::vector<std::string> found;
    for (const char* collection : {mongo::files_collection, mongo::chunks_collection})
        if (state_->core.database.find_one(collection, mongo::Document()))
            found.emplace_back(collection);
    return found;
}

FileFigures FileTransfer::count_source()
{
    auto row = state_->records
                   .query("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM "
                          "(SELECT size FROM files UNION ALL SELECT size FROM trash)")
                   .at(0);
    return {static_cast<std::uint64_t>(row.integer(0)), static_cast<std::uint64_t>(row.integer(1))};
}

FileTransfer::State::Put FileTransfer::State::write_content(const records::Record& record,
                                                            const mongo::ObjectId& content,
                                                            const std::function<void(std::uint64_t)>& moved)
{
    std::string path = (directory / ContentDirectory::place_of(record.content)).string();
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file && errno == ENOENT)
        return may_vanish ? Put::vanished : Put::damaged;
    if (!file)
        throw Unavailable(fmt::format("cannot open {}: {}", path, std::generic_category().message(errno)));
    std::vector<char> buffer(std::min<std::uint64_t>(batch_bytes, record.file.size + 1));
    Sha256 hash;
    std::uint64_t size = 0;
    std::uint32_t chunks = 0;
    while (std::size_t got = read_some(file.get(), buffer.data(), buffer.size(), path)) {
        std::string_view bytes(buffer.data(), got);
        size += got;
        if (size > record.file.size)
            return Put::damaged;
        hash.update(bytes);
        mongo::write_chunks(core.database, content, chunks, bytes);
        chunks += static_cast<std::uint32_t>((got + mongo::chunk_bytes - 1) / mongo::chunk_bytes);
        moved(got);
    }
    return size == record.file.size && to_hex(hash.finish()) == record.file.sha256 ? Put::done : Put::damaged;
}

// As a writer of the store does it, so that what a crash leaves is cleaned up as its remains are.
FileTransfer::State::Put FileTransfer::State::put(const records::Record& record,
                                                  const std::function<void(std::uint64_t)>& moved)
{
    mongo::ObjectId content = mongo::make_content_id();
    core.sweeper.begin(content);
    struct Ended {
        mongo::Core& core;
        mongo::ObjectId content;
        ~Ended() { core.sweeper.end(content); }
    } ended{core, content};
    Put outcome = write_content(record, content, moved);
    if (outcome == Put::done) {
        mongo::Record made{record.file, content, static_cast<std::int64_t>(mongo::chunk_bytes)};
        // False when the driver repeated an insert that had happened.
        if (!mongo::insert_record(core.database, core.outbox, made, std::nullopt) &&
            !mongo::find_record(core.database, content))
            throw Unavailable(fmt::format("somebody else made the file {} in the new store", record.file.id));
        if (record.file.trashed)
            mongo::replace_record(core.database, record.file);
    }
    core.settle_later({content, outcome == Put::done});
    return outcome;
}

std::vector<std::string> FileTransfer::State::find_others(const std::vector<mongo::Record>& page)
{
    std::vector<std::string> others;
    for (const mongo::Record& record : page)
        if (!records::knows(records, record.file.id))
            others.push_back(record.file.id);
    return others;
}

// All that the target has, in the trash or not.
template <class Visit>
void FileTransfer::State::for_each_target_page(Visit visit)
{
    for (auto read : {mongo::page, mongo::page_of_trash}) {
        std::string after;
        for (auto page = read(core.database, after, page_files); !page.empty();
             page = read(core.database, after, page_files)) {
            after = page.back().file.id;
            visit(page);
        }
    }
}

void FileTransfer::State::remove(const File& file)
{
    if (file.trashed) {
        File restored = file;
        restored.trashed.reset();
        mongo::replace_record(core.database, restored);
    }
    mongo::mark_removed(core.database, core.outbox, file.id, Clock().now(), std::nullopt);
}

std::uint64_t FileTransfer::State::remove_others()
{
    std::uint64_t removed = 0;
    for_each_target_page([&](const std::vector<mongo::Record>& page) {
        auto others = find_others(page);
        for_each_at_once(page, [&](const mongo::Record& record) {
            if (std::ranges::find(others, record.file.id) != others.end())
                remove(record.file);
        });
        removed += others.size();
    });
    return removed;
}

FilesBrought FileTransfer::bring(const Progress& progress)
{
    State& state = *state_;
    mongo::Database& database = state.core.database;
    FilesBrought result;
    result.removed = state.remove_others();
    std::mutex mutex;
    std::uint64_t bytes = 0;
    auto moved = [&](std::uint64_t count) {
        std::scoped_lock lock(mutex);
        progress(bytes += count);
    };
    auto bring_one = [&](const records::Record& record, const std::map<std::string, File>& there) {
        auto found = there.find(record.file.id);
        bool has_content = found != there.end() && found->second.size == record.file.size &&
                           found->second.sha256 == record.file.sha256;
        if (has_content) {
            bool differs = found->second != record.file;
            if (differs)
                mongo::replace_record(database, record.file);
            moved(record.file.size);
            std::scoped_lock lock(mutex);
            result.changed += differs ? 1 : 0;
            return;
        }
        if (found != there.end())
            state.remove(found->second);
        auto outcome = state.put(record, moved);
        std::scoped_lock lock(mutex);
        if (outcome == State::Put::done)
            ++result.brought;
        else if (outcome == State::Put::vanished)
            state.vanished.insert(record.file.id);
        else if (result.damaged.size() < damaged_max)
            result.damaged.push_back(record.file.id);
    };
    std::string after;
    for (auto page = records::page(state.records, after, page_files); !page.empty();
         page = records::page(state.records, after, page_files)) {
        after = page.back().file.id;
        std::map<std::string, File> there;
        for (auto& record : mongo::find_records(database, ids_of(page)))
            there.emplace(record.file.id, std::move(record.file));
        for_each_at_once(page, [&](const records::Record& record) { bring_one(record, there); });
    }
    return result;
}

std::string FileTransfer::State::hash_content(const mongo::Record& record,
                                              const std::function<void(std::uint64_t)>& moved)
{
    Sha256 hash;
    auto chunk_size = static_cast<std::uint64_t>(record.chunk_size);
    std::uint64_t offset = 0;
    for (std::uint32_t n = 0; offset < record.file.size; ++n) {
        std::uint64_t size = std::min(chunk_size, record.file.size - offset);
        auto chunk = mongo::read_chunk(core.database, record.content, n, size);
        hash.update(chunk.find_binary("data").value());
        offset += size;
        moved(size);
    }
    return to_hex(hash.finish());
}

FileComparison FileTransfer::compare(std::size_t examples_max, const Progress& progress)
{
    State& state = *state_;
    FileComparison result;
    std::mutex mutex;
    std::uint64_t bytes = 0;
    auto moved = [&](std::uint64_t count) {
        std::scoped_lock lock(mutex);
        progress(bytes += count);
    };
    auto tell = [&](const std::string& id, std::string_view what) {
        std::scoped_lock lock(mutex);
        ++result.different;
        if (result.examples.size() < examples_max)
            result.examples.push_back(fmt::format("files id={}: {}", id, what));
    };
    std::map<std::string, mongo::ObjectId> known;
    std::vector<mongo::VerifiedContent> verified;
    auto compare_one = [&](const records::Record& record, const std::map<std::string, mongo::Record>& there) {
        const File& file = record.file;
        auto found = there.find(file.id);
        if (found == there.end()) {
            if (!state.vanished.contains(file.id))
                tell(file.id, "missing in the new store");
            return;
        }
        std::string what = describe_difference(file, found->second.file);
        if (!what.empty()) {
            tell(file.id, what + " differs");
            return;
        }
        auto before = known.find(file.id);
        if (before != known.end() && before->second == found->second.content) {
            moved(file.size);
            std::scoped_lock lock(mutex);
            ++result.contents;
            return;
        }
        std::string hash;
        try {
            hash = state.hash_content(found->second, moved);
        } catch (const mongo::Unreachable&) {
            throw;
        } catch (const Unavailable& error) {  // a chunk that is not there, or of another size
            tell(file.id, error.what());
            return;
        }
        if (hash != file.sha256) {
            tell(file.id, "the content in the new store has another SHA-256");
            return;
        }
        std::scoped_lock lock(mutex);
        ++result.contents;
        ++result.contents_read;
        verified.push_back({file.id, found->second.content});
    };
    std::string after;
    for (auto page = records::page(state.records, after, page_files); !page.empty();
         page = records::page(state.records, after, page_files)) {
        after = page.back().file.id;
        std::map<std::string, mongo::Record> there;
        for (auto& record : mongo::find_records(state.core.database, ids_of(page)))
            there.emplace(record.file.id, record);
        known = mongo::find_verified(state.core.database, ids_of(page));
        verified.clear();
        for_each_at_once(page, [&](const records::Record& record) { compare_one(record, there); });
        mongo::note_verified(state.core.database, verified);
        for (const auto& record : page) {
            bool counts = !state.vanished.contains(record.file.id);
            result.source.files += counts ? 1 : 0;
            result.source.bytes += counts ? record.file.size : 0;
        }
    }
    state.for_each_target_page([&](const std::vector<mongo::Record>& page) {
        result.target.files += page.size();
        for (const auto& record : page)
            result.target.bytes += record.file.size;
        for (const std::string& id : state.find_others(page))
            tell(id, "only in the new store");
    });
    return result;
}

void migrate_records(sql::Database& database) { database.migrate(schema_component, records::migrations()); }

std::vector<NumberedEvent> list_outbox(sql::Connection& records, std::int64_t after, std::size_t limit)
{
    std::vector<NumberedEvent> events;
    for (const sql::Row& row : records.query("SELECT seq, body FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
                                             {after, static_cast<std::int64_t>(limit)}))
        events.push_back({row.integer(0), row.text(1)});
    return events;
}

}  // namespace gatehouse::files
