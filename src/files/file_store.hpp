// SPDX-License-Identifier: Apache-2.0
// Files: content, the record that makes it visible, and the event to announce, as one atomic whole.
//
// The only header that another role (the worker) includes. Call from I/O threads; the store blocks on threads of its
// own.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "events/event.hpp"
#include "files/change_feed.hpp"
#include "files/upload_store.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files {

enum class State { stored, processing, processed, failed };
std::string_view to_string(State state);
std::optional<State> find_state(std::string_view text);  // nullopt when it is none

// Of a file in the trash.
struct Trashed {
    TimePoint at;
    TimePoint until;  // then it is removed for good
    std::string by;   // the id of the user who removed it
    bool operator==(const Trashed&) const = default;
};

struct File {
    std::string id;
    std::string owner;  // user id
    std::string name;   // as the user sees it: UTF-8, no control characters, no path
    std::string type;   // media type, sniffed from the content
    std::uint64_t size = 0;
    std::string sha256;  // hexadecimal
    TimePoint created_at;
    State state = State::stored;
    std::string reason;                // for people, when failed
    int progress = 0;                  // percent, while processing
    std::string derived_from;          // the source's id, empty for an upload
    std::string processor;             // what made it, empty for an upload
    std::int64_t link_generation = 0;  // links made in an earlier one are over (download_link.hpp)
    std::optional<Trashed> trashed;    // in the trash since

    bool operator==(const File&) const = default;
};

// Content on its way in. Destroying it without commit leaves nothing visible and nothing behind.
class FileWriter {
public:
    virtual ~FileWriter() = default;
    virtual Task<void> write(std::string_view bytes) = 0;  // `bytes` stay valid until it returns
    virtual std::uint64_t size() const = 0;
    virtual std::string_view head() const = 0;  // the first bytes, at most 4096, to sniff the type

    // Ends the content: makes it durable and lets go of the buffer and the descriptor. commit() does it by itself; who
    // keeps several writers, or needs the hash beforehand, calls it. REQUIRES: no write() after it.
    virtual Task<void> seal() = 0;
    virtual std::string_view sha256() const = 0;  // hexadecimal. REQUIRES: sealed

    // Makes the content durable, then, in one transaction, `file` visible and `announce` (if any) part of the outbox.
    // Size and sha256 of `file` are filled in. False when a file with that id is there already (a repeated job):
    // nothing changes. False too when file.derived_from is set and that source is gone.
    virtual Task<bool> commit(File& file, std::optional<events::Event> announce) = 0;
};

class FileReader {
public:
    virtual ~FileReader() = default;
    virtual const File& file() const = 0;
    // Positions at `offset` and reads `length` bytes in pieces; empty at the end. Works on after a concurrent delete.
    virtual void seek(std::uint64_t offset, std::uint64_t length) = 0;
    virtual Task<std::string_view> read() = 0;  // valid until the next call
};

// Of one owner's uploads, without what was derived from them.
struct Usage {
    std::uint64_t bytes = 0;        // with those in the trash
    std::uint64_t files = 0;        // without
    std::uint64_t trash_bytes = 0;  // of `bytes`
    bool operator==(const Usage&) const = default;
};

struct ListQuery {
    std::string owner;       // empty: of everybody
    std::string after;       // cursor: the id of the last one seen, empty at the start
    std::size_t limit = 50;  // at most 200
    bool trashed = false;    // those in the trash, instead of those that are not
};

class FileStore {
public:
    virtual ~FileStore() = default;

    // A writer for the content of file `id` (make_id() or make_derived_id()). Throws Unavailable.
    virtual Task<std::unique_ptr<FileWriter>> create(std::string id) = 0;

    // Content that arrives in several requests.
    virtual UploadStore& uploads() = 0;

    virtual Task<std::optional<File>> find(std::string id) = 0;
    virtual Task<std::unique_ptr<FileReader>> open(std::string id) = 0;  // nullptr when unknown
    virtual Task<std::vector<File>> list(ListQuery query) = 0;           // uploads only, newest first
    virtual Task<std::vector<File>> derived(std::vector<std::string> source_ids) = 0;

    virtual Task<Usage> usage(std::string owner) = 0;

    // Removes a file, also one in the trash, and everything derived from it for good; `announce` becomes part of the
    // outbox. False when unknown.
    virtual Task<bool> remove(std::string id, events::Event announce) = 0;

    // Puts an upload into the trash: from then on it, and what was derived from it, are unknown to all calls but
    // list() of the trash, find_trashed(), restore() and remove(). Its links are over for good. `announce` becomes part
    // of the outbox. False when there is no such upload.
    virtual Task<bool> trash(std::string id, Trashed how, events::Event announce) = 0;
    virtual Task<std::optional<File>> find_trashed(std::string id) = 0;

    // Takes an upload out of the trash, with what was derived from it. One that was not processed to an end is `stored`
    // again, for `announce` to start anew. False when it is not in the trash.
    virtual Task<bool> restore(std::string id, events::Event announce) = 0;

    // Removes for good, and announces, what is in the trash until `now` or less. The store does it by itself every now
    // and then.
    virtual Task<void> sweep_trash(TimePoint now) = 0;

    // Ends the links of a file that were made so far. False when unknown.
    virtual Task<bool> end_links(std::string id) = 0;

    // Sets state, reason and progress; with `announce` in the same transaction. False when the file is unknown.
    virtual Task<bool> set_state(std::string id, State state, std::string reason,
                                 std::optional<events::Event> announce) = 0;
    virtual Task<void> set_progress(std::string id, int percent) = 0;

    // The outbox (events::Outbox): oldest first; clear after publishing.
    virtual Task<std::vector<events::Event>> read_outbox(std::size_t limit) = 0;
    virtual Task<void> clear_outbox(std::vector<std::string> event_ids) = 0;

    // Called after something was put into the outbox. Set once, at start.
    virtual void on_announce(std::function<void()> notify) = 0;

    // What changes from now on, by whatever process. A feed that is read every second tells of a change within a second
    // or so after it.
    virtual std::unique_ptr<ChangeFeed> changes() = 0;
    // Called, on any thread, when a feed has news, by a store that knows of it at once. Set once, at start.
    virtual void on_change(std::function<void()> notify) = 0;

    virtual bool ready() const = 0;
    virtual void stop() = 0;
};

// Content as files below `directory`, records in the SQLite database `database_path`. Recovers at once: unfinished
// content of an earlier run is removed.
std::unique_ptr<FileStore> make_local_file_store(const std::filesystem::path& directory,
                                                 const std::filesystem::path& database_path,
                                                 const UploadOptions& uploads = {});

struct MongoOptions {
    // After this time a writer that gave no sign of life is taken for dead, and what it left is removed; so is the
    // content of removed files, which readers in progress may need until then.
    std::chrono::milliseconds abandoned_after{std::chrono::minutes{10}};
    std::chrono::milliseconds sweep_interval{std::chrono::minutes{1}};
    // How long an event of the outbox belongs to the store that wrote it: another one announces it after that.
    std::chrono::milliseconds outbox_lease{std::chrono::seconds{30}};
    UploadOptions uploads;
};

// Content and records in a MongoDB database, in the layout of GridFS (docs/adr/0007-gridfs.md). `url` as the drivers of
// MongoDB take it: mongodb://[user:password@]host[,host]/database[?options]. The server may be away: then the store is
// not ready and its calls throw Unavailable, until it is there. Waits for it two seconds at most.
// Throws std::invalid_argument, whose text holds no password, when `url` cannot be right.
std::unique_ptr<FileStore> make_mongo_file_store(const std::string& url, const MongoOptions& options = {});

}  // namespace gatehouse::files
