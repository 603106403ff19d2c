// SPDX-License-Identifier: Apache-2.0
// Unfinished uploads as documents, so that several processes may write to one without harm:
//
//   fs.uploads      {_id: <upload id>, owner, name, metadata, length, claim, partial, parts, content, created_at,
//                    expires_at, open: true}
//                   once it is finished or removed: no `open`, and ended_at
//   fs.upload_log   {_id: "<upload id>:<seq>", upload, seq, nonce, length, offset, chunks, tail, hash, holder, until,
//                    unclean, removed}
//
// The log is what decides. Each entry is the whole state of the upload; the one with the greatest `seq` counts. Taking
// the upload and confirming bytes both mean to insert the entry with the next `seq`, which the unique _id lets one of
// several do: whoever was superseded fails, for it does not know the entry that superseded it. A writer's epoch is the
// `seq` by which it took the upload; its chunks carry it as `w`. Chunks that no entry counts are nobody's: a later
// writer removes those of earlier epochs where they are in its way, never those of a later one.
//
// `tail` has the bytes behind the last whole chunk; older entries lose it, and entries far back are removed. `holder`
// and `until` are politeness: they let others wait while somebody writes. Clocks decide nothing else.
// All calls block and throw Unavailable. Any thread.
#pragma once

#include "files/file_store.hpp"
#include "files/mongo_content.hpp"
#include "files/mongo_driver.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::files::mongo {

// A document of fs.uploads. `upload` has the length as it was told at the beginning, and no offset.
struct UploadDocument {
    Upload upload;
    ObjectId content;
};

// An entry of the log; the default is the state before the first.
struct UploadEntry {
    std::string upload;
    std::int64_t seq = 0;
    std::optional<std::uint64_t> length;
    std::uint64_t offset = 0;
    std::uint32_t chunks = 0;  // in fs.chunks; all whole, but the last when the upload is complete
    std::string tail;
    std::string hash;      // ResumableSha256 of `offset` bytes; empty before the first byte
    std::string holder;    // who writes; empty: nobody
    TimePoint until;       // how long the holder need not show up again
    bool unclean = false;  // a writer went away without a word
    bool removed = false;
};

class UploadLog final {
public:
    explicit UploadLog(Database& database) : database_(database) {}  // which outlives it

    void create_indexes();

    UploadStore::Creation create(const UploadDocument& document, const UploadBounds& bounds);

    // What the owner's unfinished uploads claim (upload_store.hpp).
    std::uint64_t claimed(const std::string& owner);

    std::optional<UploadDocument> find_open(const std::string& id);
    UploadEntry last_entry(const UploadDocument& document);

    // Makes `entry` the one after `before`, if nobody was faster. `known_at`: when the caller last knew that `before`
    // was the last.
    bool append(const UploadEntry& before, UploadEntry& entry, std::chrono::steady_clock::time_point known_at);

    // Of the entry that is there, for its writer alone.
    void extend(const UploadEntry& entry, TimePoint until);
    void release(const UploadEntry& entry);

    // With the length as it is known now, or what has arrived: what the upload claims.
    void set_expiry(const std::string& id, TimePoint expires_at, std::uint64_t claim);

    // The upload is over: it is not found any more. Does nothing when there is none.
    void end(const std::string& id);

    // Whoever writes. False when it is unknown, finished or removed.
    bool remove(const std::string& id);

    void remove_expired(TimePoint now);

    // Removes the documents of uploads that ended before `time`, and what superseded writers may have left of them.
    void purge_ended(TimePoint time);

private:
    struct Claims;
    Claims find_claims(const std::string& owner, const std::vector<std::string>& parts);
    void mark_removed(const UploadDocument& document);
    void purge(const UploadDocument& document);

    Database& database_;
};

// Writes `bytes` as the chunks from `first` on, in the place of what earlier writers left there. Throws Superseded when
// a later one has written there.
void write_upload_chunks(Database& database, const ObjectId& content, std::int64_t epoch, std::uint32_t first,
                         std::string_view bytes);

// Removes those of the chunks from `first` to before `end` that the writer of `epoch` has written.
void remove_upload_chunks(Database& database, const ObjectId& content, std::int64_t epoch, std::uint32_t first,
                          std::uint32_t end);

}  // namespace gatehouse::files::mongo
