// SPDX-License-Identifier: Apache-2.0
// What a local file store, its writers, its readers and its uploads share: the directory, the database, the threads
// that block, and the janitor, a thread that cleans up. The last of them destroys it. Any thread.
#pragma once

#include "base/blocking_pool.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "files/change_log.hpp"
#include "files/content_directory.hpp"
#include "files/file_store.hpp"
#include "sql/database.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace gatehouse::files::local {

class Core final {
public:
    // Recovers at once from an earlier run.
    Core(const std::filesystem::path& directory, std::unique_ptr<sql::Database> opened, const UploadOptions& options);
    ~Core() { stop(); }
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    void stop();

    // Unlinks a name in tmp/ that decides nothing any more. What keeps the file open goes along, because the last close
    // of a large one frees its blocks.
    void discard(std::string name, std::shared_ptr<void> file);

    // A writer ended, and only the database knows whether its record exists.
    void settle_later(std::string name);
    void sweep_later();

    // Removes the uploads that expired before `now`. Blocks.
    void remove_expired(TimePoint now);

    // Removes for good what is in the trash until `now`. Blocks.
    void sweep_trash(TimePoint now);

    void announced() const
    {
        if (notify)
            notify();
    }

    const UploadOptions options;
    ContentDirectory content;
    std::unique_ptr<sql::Database> database;
    std::function<void()> notify;
    ChangeLog changes;
    std::atomic<bool> stopped{false};
    BlockingPool writing{{.name = "files-write", .threads = 4, .queue_max = 4096}};
    BlockingPool reading{{.name = "files-read", .threads = 4, .queue_max = 4096}};

private:
    template <class F>
    void guarded(const char* what, F work);

    bool settle(const std::string& name);
    void recover();
    void remove_uploads_without_content();
    void sweep();
    void tend();

    asio::thread_pool janitor_{1};
    asio::steady_timer next_look_{janitor_};  // the janitor's
};

}  // namespace gatehouse::files::local
