// SPDX-License-Identifier: Apache-2.0
// The outbox inside the documents of fs.files:
//
//   metadata.outbox     {<event id>: {at, body, owner, until}}   events that wait to be announced
//   metadata.outbox_at  the least `at`; absent when nothing waits, so that its index finds what waits among any number
//
// `at` counts microseconds and orders the events. Each process runs a relay over the same outbox: an event belongs to
// the store that wrote it (`owner`) until `until`; after that any store takes it over, with an update that only one of
// them can make. Repeats are therefore rare (an owner that is slower than its lease), losses impossible. All calls
// block and throw Unavailable. Any thread.
#pragma once

#include "events/event.hpp"
#include "files/mongo_driver.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace gatehouse::files::mongo {

class Outbox final {
public:
    // `database` outlives it.
    Outbox(Database& database, std::chrono::milliseconds lease);

    // Makes `event` part of a new document's metadata. Its id is a UUID (make_id(), make_derived_id()).
    void add_to(Document& metadata, const events::Event& event) const;

    // Makes `event` part of an update: members of its $set and of its $min. An event that waits already is the same
    // member, so it is not announced twice.
    void add_to(Document& set, Document& min, const events::Event& event) const;

    // Oldest first: what belongs to this store, or to nobody any more.
    std::vector<events::Event> read(std::size_t limit);
    void clear(const std::vector<std::string>& event_ids);

    // Gives back what belongs to this store, so that another one need not wait for the lease to end.
    void release();

private:
    struct Entry {
        ObjectId content;
        std::string event_id;
        std::string body;
        std::int64_t at = 0;
        std::string owner;
        TimePoint until;
    };

    Document make_entry(const events::Event& event, std::int64_t at) const;
    static std::vector<Entry> entries_of(const Document& document);
    bool acquire(const Entry& entry) const;
    void remember(const std::vector<Entry>& entries);
    std::map<ObjectId, std::vector<std::string>> locate(const std::vector<std::string>& event_ids);
    std::map<ObjectId, std::vector<std::string>> search(const std::vector<std::string>& event_ids) const;

    Database& database_;
    std::string owner_;
    std::chrono::milliseconds lease_;
    std::mutex mutex_;
    std::map<std::string, ObjectId> places_;  // of the events that read() gave last
};

}  // namespace gatehouse::files::mongo
