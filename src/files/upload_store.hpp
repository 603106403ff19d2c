// SPDX-License-Identifier: Apache-2.0
// Resumable uploads: content that arrives in several requests, at any replica, and what of it is durable.
//
// An upload has the id of the file that it becomes. Its offset never says more than what survives the death of any
// process. One writer at a time appends; one that gave no sign of life for a while may be superseded by another, and
// from that moment nothing that it does has an effect. Call from I/O threads; the store blocks on threads of its own.
// Part of FileStore (file_store.hpp), which owns it. Both implementations pass upload_store_suite.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "events/event.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files {

struct File;

struct Upload {
    std::string id;
    std::string owner;                    // user id
    std::string name;                     // of the file
    std::string metadata;                 // as the client sent it
    std::optional<std::uint64_t> length;  // nullopt: not told yet
    std::uint64_t offset = 0;             // how much of the content is durable
    TimePoint created_at;
    TimePoint expires_at;
    bool partial = false;            // it is to become a part of another one, and never a file by itself
    std::vector<std::string> parts;  // the ids of those that it is joined of, in their order

    bool complete() const { return length == offset; }
    bool operator==(const Upload&) const = default;
};

// Somebody else writes now, or the upload is over.
class Superseded final : public std::exception {
public:
    const char* what() const noexcept override { return "another writer has taken over the upload"; }
};

// The right to append. Destroying it lets others in, soon; what was not confirmed by then is dropped. After an
// exception only release and destroy it. The tasks throw Unavailable and Superseded.
class UploadWriter {
public:
    virtual ~UploadWriter() = default;

    virtual const Upload& upload() const = 0;   // as of the last confirm()
    virtual std::uint64_t written() const = 0;  // the offset, and what was written since

    virtual Task<void> write(std::string_view bytes) = 0;  // `bytes` stay valid until it returns

    // Says how long the whole will be, with the next confirm(). REQUIRES: nobody has said so yet; not less than
    // written().
    virtual void set_length(std::uint64_t length) = 0;

    // Puts the upload's end off, with the next confirm() that has anything to say.
    virtual void set_expiry(TimePoint expires_at) = 0;

    // Makes what was written durable, then the offset that says so. REQUIRES: written() is not beyond the length.
    virtual Task<void> confirm() = 0;

    // The first bytes of the confirmed content, at most 4096, to sniff the type.
    virtual Task<std::string> head() = 0;

    // Of the confirmed content, hexadecimal. REQUIRES: nothing written since.
    virtual std::string sha256() const = 0;

    // In one transaction the upload ends, `file` (which has its id) becomes visible and `announce` part of the outbox.
    // Size and sha256 of `file` are filled in. REQUIRES: upload().complete(), nothing written since; no call after it.
    virtual Task<void> finish(File& file, events::Event announce) = 0;

    // Lets others in, now. REQUIRES: no other call after it.
    virtual Task<void> release() = 0;
};

// The confirmed content of a complete upload, from some offset on, in pieces; empty at the end. Throws Unavailable,
// also when the upload is removed meanwhile.
class UploadReader {
public:
    virtual ~UploadReader() = default;
    virtual Task<std::string_view> read() = 0;  // valid until the next call
};

// What one user's unfinished uploads may be, with the new one. They claim their lengths; as long as the length is not
// told, what has arrived. A joined one claims nothing, for its parts do.
struct UploadBounds {
    std::size_t uploads_max = 100;
    std::optional<std::uint64_t> bytes_max;  // nullopt: any number
};

// Whether the new upload's claim fits beside what is claimed already.
inline bool claim_fits(const Upload& upload, std::uint64_t claimed, const UploadBounds& bounds)
{
    std::uint64_t claim = upload.parts.empty() ? upload.length.value_or(0) : 0;
    return !bounds.bytes_max || claim == 0 || (claimed <= *bounds.bytes_max && claim <= *bounds.bytes_max - claimed);
}

class UploadStore {
public:
    virtual ~UploadStore() = default;

    enum class Creation {
        created,
        exists,       // an upload with that id
        too_many,     // nothing changes, as with those that follow
        too_much,     // bytes_max
        parts_taken,  // another upload is joined of some of its parts
    };
    // A few more come through when they come at once to several processes. REQUIRES: offset 0; an id from make_id(), or
    // one that follows from the parts.
    virtual Task<Creation> create(Upload upload, UploadBounds bounds) = 0;

    // What the owner's unfinished uploads claim.
    virtual Task<std::uint64_t> claimed(std::string owner) = 0;

    // nullptr unless it is there and complete.
    virtual Task<std::unique_ptr<UploadReader>> read(std::string id, std::uint64_t offset) = 0;

    // nullopt when it is unknown, finished or removed.
    virtual Task<std::optional<Upload>> find(std::string id) = 0;

    enum class Access { granted, busy, unknown };
    struct Opening {
        Access access = Access::unknown;
        std::unique_ptr<UploadWriter> writer;  // when granted
    };
    // `expires_at` becomes the upload's when it is granted.
    virtual Task<Opening> open(std::string id, TimePoint expires_at) = 0;

    // Removes the upload with its content, whoever writes. False when it is unknown, finished or removed.
    virtual Task<bool> remove(std::string id) = 0;

    // Removes what expired before `now`. The store does it by itself now and then.
    virtual Task<void> sweep(TimePoint now) = 0;
};

struct UploadOptions {
    // A writer that gave no sign of life for so long may be superseded.
    std::chrono::milliseconds stalled_after{std::chrono::seconds{10}};
    std::chrono::milliseconds sweep_interval{std::chrono::minutes{1}};
};

}  // namespace gatehouse::files
