// SPDX-License-Identifier: Apache-2.0
// Carries changes of files to the event streams of their owners: one reader for the whole process, however many streams
// there are, and none while there is none.
//
// Latency: where one process has the store to itself a change reaches its streams 0.1 s later at most, else (MongoDB)
// 1.1 s, and the time of the store's answers. What a stream does not take is bounded: of each file only the latest
// record waits, and a stream with too many of them ends.
// run() lives on one I/O thread; a Subscription belongs to the thread of its stream; stop() may be called by any.
#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/task.hpp"
#include "base/waker.hpp"
#include "files/change_feed.hpp"
#include "files/file_store.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace gatehouse::files {

// The text of one event: `event`, `data` in one line, and an id.
std::string format_event(std::string_view type, std::string_view data, std::string_view id);

class FileEvents final {
public:
    struct Limits {
        std::size_t streams_max;   // of this process
        std::size_t per_user_max;  // likewise
    };

    // All outlive it.
    FileEvents(FileStore& store, const Clock& clock, Metrics& metrics, Limits limits);

    // Until cancelled. Never throws: while the store is away, streams are silent.
    Task<void> run();

    // Ends every stream, and lets nobody begin another one: the process is about to end.
    void stop();

    class Subscription {
    public:
        Subscription(FileEvents& events, std::string owner, std::shared_ptr<Waker> waker);
        ~Subscription();
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;

        // The events that came since the last call; empty when there are none.
        std::string take();

        // It has missed something, or the process ends: the client begins anew, and is told everything again.
        bool over() const;

    private:
        friend class FileEvents;

        FileEvents& events_;
        std::string owner_;
        std::shared_ptr<Waker> waker_;
        std::map<std::string, std::shared_ptr<const std::string>> pending_;  // by file: the latest event
        bool over_ = false;
        std::list<Subscription*>::iterator place_;
    };

    // Throws Problem: 429 when the owner has too many streams, 503 when the process has.
    std::unique_ptr<Subscription> subscribe(std::string owner, std::shared_ptr<Waker> waker);

    // Of an event that is made now; they ascend.
    std::string next_id();

private:
    bool has_streams();
    std::vector<std::string> owners();
    std::shared_ptr<ChangeFeed> feed();
    Task<void> take_changes();
    Task<void> rest(Waker& waker);
    Task<void> tell_files();
    void publish(const std::string& owner, const std::string& file, std::string text);
    void end_streams();

    FileStore& store_;
    const Clock& clock_;
    Limits limits_;
    prometheus::Gauge& open_;
    prometheus::Counter& ended_behind_;

    WakerPlace sleeper_;             // while run() runs
    std::set<std::string> to_tell_;  // run()'s own: ids of changed files whose records are still to be read

    std::mutex mutex_;
    std::map<std::string, std::list<Subscription*>> streams_;  // by owner, none of them empty
    std::size_t stream_count_ = 0;
    std::shared_ptr<ChangeFeed> feed_;  // while there are streams
    std::uint64_t events_ = 0;
    bool stopped_ = false;
};

}  // namespace gatehouse::files
