// SPDX-License-Identifier: Apache-2.0
// What writers leave behind when they go away, and removed files: the collection fs.pending and the purge.
//
// fs.pending has {_id: <content id>, touched_at} from before a writer's first chunk until its end is settled. The
// process of a living writer touches its entry; an entry that does not change for `abandoned_after`, by the clock of
// the one who looks, belongs to a dead one. Any number of processes may sweep. All calls block and throw Unavailable;
// sweep() and settle() belong to one thread, the others may be called by any.
#pragma once

#include "files/file_store.hpp"
#include "files/mongo_content.hpp"
#include "files/mongo_outbox.hpp"

#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace gatehouse::files::mongo {

class Sweeper final {
public:
    // All outlive it.
    Sweeper(Database& database, const Outbox& outbox, const MongoOptions& options)
        : database_(database), outbox_(outbox), options_(options)
    {
    }

    // A writer of `content` begins: its entry is durable when this returns.
    void begin(const ObjectId& content);

    // The writer is gone: no more signs of life. Its entry stays until it is settled. Does not throw.
    void end(const ObjectId& content) noexcept;

    // How a writer ended, as it knows itself. Without such a word, what it left is swept when it is taken for dead.
    struct Ending {
        ObjectId content;
        bool visible;  // else its chunks go
    };
    void settle(const std::vector<Ending>& endings);

    // Shows that the writers of this process live, settles those that are dead, purges removed files.
    void sweep();

    // Removes for good what is in the trash until `now`. Any thread.
    void sweep_trash(TimePoint now);

    // When the content of something removed now may be purged.
    TimePoint purge_time() const { return Clock().now() + options_.abandoned_after; }

private:
    struct Seen {
        TimePoint touched_at;
        std::chrono::steady_clock::time_point since;
    };

    void touch();
    void sweep_pending();
    void settle_abandoned(const ObjectId& content);
    void remove_pending(const std::vector<ObjectId>& contents);
    void remove_orphans();
    void purge();

    Database& database_;
    const Outbox& outbox_;
    const MongoOptions& options_;
    std::mutex mutex_;
    std::set<ObjectId> writing_;
    std::map<ObjectId, Seen> seen_;
};

}  // namespace gatehouse::files::mongo
