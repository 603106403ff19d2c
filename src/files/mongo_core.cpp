// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_core.hpp"

#include "base/log.hpp"
#include "base/waker.hpp"
#include "files/mongo_records.hpp"
#include "files/mongo_unfinished.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace gatehouse::files::mongo {

namespace {

constexpr std::uint32_t connections_max = 16;  // more than all threads together
constexpr std::size_t endings_max = 10'000;
constexpr std::chrono::milliseconds look_interval{2'000};
constexpr std::chrono::milliseconds backoff_max{2'000};

}  // namespace

Core::Core(const std::string& url, const MongoOptions& o, bool fills)
    : options(o), database(url, connections_max), outbox(database, options.outbox_lease),
      sweeper(database, outbox, options), uploads(database), fills_(fills)
{
    if (!connect())
        log::warn("files", "MongoDB is not reachable; files are unavailable until it is");
    janitor_ = std::thread([this] { tend(); });
    pthread_setname_np(janitor_.native_handle(), "files-janitor");
}

void Core::check() const
{
    if (!available_.load())
        throw Unavailable("MongoDB is not reachable");
}

void Core::suspect()
{
    {
        std::scoped_lock lock(mutex_);
        suspected_ = true;
    }
    wake_.notify_all();
}

// Looks whether the server is there, and makes the indexes once; they come before the first write.
bool Core::connect()
{
    bool before = available_.load();
    try {
        database.ping();
        if (!has_indexes_) {
            if (!fills_)
                refuse_unfinished();
            database.create_indexes(files_collection, file_indexes());
            database.create_indexes(chunks_collection, chunk_indexes());
            uploads.create_indexes();
            has_indexes_ = true;
        }
        if (!before)
            log::info("files", "MongoDB is there");
        available_.store(true);
        return true;
    } catch (const Unavailable& e) {
        if (before)
            log::error("files", "MongoDB is not reachable", {{"error", e.what()}});
        available_.store(false);
        return false;
    }
}

// Tells why once, because it can stay so for hours.
void Core::refuse_unfinished()
{
    auto origin = find_unfinished(database);
    if (!origin)
        return;
    std::string why = fmt::format("`gatehouse migrate` from {} into this store is not finished", *origin);
    if (!std::exchange(told_unfinished_, true))
        log::error("files", why, {{"remedy", "run it again, with --finish"}});
    throw Unavailable(why);
}

void Core::settle_later(Sweeper::Ending ending)
{
    {
        std::scoped_lock lock(mutex_);
        if (stopped_.load() || endings_.size() >= endings_max)
            return;
        endings_.push_back(ending);
    }
    wake_.notify_all();
}

void Core::run_later(std::move_only_function<void()> work)
{
    {
        std::scoped_lock lock(mutex_);
        if (stopped_.load() || later_.size() >= endings_max)
            return;
        later_.push_back(std::move(work));
    }
    wake_.notify_all();
}

// The janitor's thread.
void Core::tend()
{
    Backoff backoff(backoff_max);
    auto sweep_every = std::min({options.sweep_interval, options.abandoned_after / 4, options.uploads.sweep_interval});
    auto next_sweep = std::chrono::steady_clock::now();
    while (true) {
        bool there = connect();
        if (there)
            backoff.reset();
        auto pause = there ? std::min(look_interval, sweep_every) : backoff.next();
        auto now = std::chrono::steady_clock::now();
        bool sweep = now >= next_sweep;
        if (there)
            clean_up(sweep);
        if (there && sweep)
            next_sweep = now + sweep_every;
        std::unique_lock lock(mutex_);
        auto called = [this] {
            return stopped_.load() || suspected_ || (available_.load() && !(endings_.empty() && later_.empty()));
        };
        wake_.wait_for(lock, pause, called);
        suspected_ = false;
        if (stopped_.load())
            return;
    }
}

void Core::clean_up(bool sweep)
{
    try {
        run_waiting();
        settle_waiting();
        if (!sweep)
            return;
        sweeper.sweep();
        // Who fills the store wants it to be the same as another.
        if (!fills_)
            sweeper.sweep_trash(Clock().now());
        uploads.remove_expired(Clock().now());
        uploads.purge_ended(Clock().now() - options.abandoned_after);
    } catch (const std::exception& e) {
        log::warn("files", "housekeeping failed; it will be tried again", {{"error", e.what()}});
    }
}

void Core::run_waiting()
{
    std::vector<std::move_only_function<void()>> waiting;
    {
        std::scoped_lock lock(mutex_);
        waiting.swap(later_);
    }
    for (auto& work : waiting)
        work();
}

void Core::settle_waiting()
{
    std::vector<Sweeper::Ending> endings;
    {
        std::scoped_lock lock(mutex_);
        endings.swap(endings_);
    }
    sweeper.settle(endings);
}

// What this store had begun to announce need not wait for the end of its lease.
void Core::release_outbox()
{
    try {
        outbox.release();
    } catch (const std::exception& e) {
        log::warn("files", "waiting events could not be handed over; another process takes them when their lease ends",
                  {{"error", e.what()}});
    }
}

void Core::stop()
{
    {
        std::scoped_lock lock(mutex_);
        if (stopped_.exchange(true))
            return;
    }
    wake_.notify_all();
    writing.stop();
    reading.stop();
    records.stop();
    janitor_.join();
    if (!available_.load())
        return;
    clean_up(false);
    release_outbox();
}

}  // namespace gatehouse::files::mongo
