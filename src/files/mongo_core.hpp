// SPDX-License-Identifier: Apache-2.0
// What a MongoDB file store, its writers and its readers share: the database, the threads that block, and the janitor,
// a thread that watches whether the server is there and cleans up. The last of them destroys it.
#pragma once

#include "base/blocking_pool.hpp"
#include "base/error.hpp"
#include "files/file_store.hpp"
#include "files/mongo_driver.hpp"
#include "files/mongo_outbox.hpp"
#include "files/mongo_sweeper.hpp"
#include "files/mongo_upload_log.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::files::mongo {

class Core final {
public:
    // Throws std::invalid_argument (a bad URL). Tries once to reach the server. A store that is not whole
    // (mongo_unfinished.hpp) is taken for unreachable, but by who fills it.
    Core(const std::string& url, const MongoOptions& options, bool fills = false);
    ~Core() { stop(); }
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    // Runs `work` on a thread of `pool`. Throws Unavailable at once while the server is known to be away.
    template <class F>
    Task<std::invoke_result_t<F&>> run(BlockingPool& pool, F work)
    {
        check();
        auto guarded = [this, &work] {
            check();  // it may have gone while this waited for its turn
            try {
                return work();
            } catch (const Unreachable&) {
                suspect();
                throw;
            }
        };
        co_return co_await pool.run(guarded);
    }

    // A writer ended; the janitor does the rest. Any thread; the queue is bounded, the sweeper finds what it refuses.
    void settle_later(Sweeper::Ending ending);

    // Something small that the janitor does soon, once, if the server is there. Bounded as above.
    void run_later(std::move_only_function<void()> work);

    void announced() const
    {
        if (notify)
            notify();
    }
    bool ready() const { return !stopped_.load() && available_.load(); }
    void stop();

    const MongoOptions options;
    Database database;
    Outbox outbox;
    Sweeper sweeper;
    UploadLog uploads;
    std::function<void()> notify;
    BlockingPool writing{{.name = "files-write", .threads = 4, .queue_max = 4096}};
    BlockingPool reading{{.name = "files-read", .threads = 4, .queue_max = 4096}};
    BlockingPool records{{.name = "files-record", .threads = 4, .queue_max = 4096}};

private:
    void check() const;
    void suspect();
    bool connect();
    void refuse_unfinished();
    void tend();
    void clean_up(bool sweep);
    void settle_waiting();
    void run_waiting();
    void release_outbox();

    const bool fills_;
    std::atomic<bool> stopped_{false};
    std::atomic<bool> available_{false};
    // The janitor's, after the constructor.
    bool has_indexes_ = false;
    bool told_unfinished_ = false;

    std::mutex mutex_;
    std::condition_variable wake_;
    bool suspected_ = false;
    std::vector<Sweeper::Ending> endings_;
    std::vector<std::move_only_function<void()>> later_;
    std::thread janitor_;
};

}  // namespace gatehouse::files::mongo
