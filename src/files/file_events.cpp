// SPDX-License-Identifier: Apache-2.0
#include "files/file_events.hpp"

#include "base/log.hpp"
#include "base/rounds.hpp"
#include "files/file_json.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

#include <utility>

namespace gatehouse::files {

namespace {

constexpr std::chrono::milliseconds poll_interval{1'000};
constexpr std::chrono::milliseconds gather_time{100};  // changes that come together are told together
constexpr std::chrono::milliseconds backoff_max{5'000};
constexpr std::size_t changes_max = 500;  // read at once
constexpr std::size_t pending_max = 256;  // of one stream
constexpr std::chrono::seconds retry_after{30};

}  // namespace

std::string format_event(std::string_view type, std::string_view data, std::string_view id)
{
    return fmt::format("event: {}\nid: {}\ndata: {}\n\n", type, id, data);
}

FileEvents::FileEvents(FileStore& store, const Clock& clock, Metrics& metrics, Limits limits)
    : store_(store), clock_(clock), limits_(limits),
      open_(metrics.gauge("gatehouse_files_event_streams", "Event streams that are open")),
      ended_behind_(metrics.counter("gatehouse_files_event_streams_behind_total",
                                    "Event streams ended because their clients read too slowly"))
{
    store_.on_change([this] { sleeper_.wake(); });
}

Task<void> FileEvents::run()
{
    return run_rounds(
        sleeper_,
        {.work = [this] { return take_changes(); },
         .rest = [this](Waker& waker) { return rest(waker); },
         .failed = [](const std::string& error) { log::debug("files", "changes not read", {{"error", error}}); },
         .backoff_max = backoff_max});
}

Task<void> FileEvents::rest(Waker& waker)
{
    bool wanted = has_streams();
    co_await waker.wait(wanted ? std::optional(poll_interval) : std::nullopt);
    co_await pause(gather_time);
}

Task<void> FileEvents::take_changes()
{
    while (true) {
        auto feed = this->feed();
        if (!feed) {
            to_tell_.clear();
            co_return;
        }
        if (!to_tell_.empty())
            co_await tell_files();
        Changes news = co_await feed->read(owners(), changes_max);
        if (news.lost)
            end_streams();
        for (const Change& change : news.changes) {
            if (change.removed && change.source.empty()) {
                json::object gone;
                gone["id"] = change.id;
                publish(change.owner, change.id, format_event("removed", json::serialize(gone), next_id()));
                to_tell_.erase(change.id);
            } else {
                to_tell_.insert(change.source.empty() ? change.id : change.source);
            }
        }
        if (!to_tell_.empty())
            co_await tell_files();
        if (news.changes.size() < changes_max)
            co_return;
    }
}

// A derived file is told as part of its source.
Task<void> FileEvents::tell_files()
{
    auto wanted = owners();
    std::set<std::string> owned(wanted.begin(), wanted.end());
    std::map<std::string, File> changed;
    for (const std::string& id : to_tell_) {
        auto file = co_await store_.find(id);
        if (file && !file->derived_from.empty())
            file = co_await store_.find(file->derived_from);
        if (file && owned.contains(file->owner))
            changed.insert_or_assign(file->id, std::move(*file));
    }
    std::vector<std::string> ids;
    ids.reserve(changed.size());
    for (const auto& [id, file] : changed)
        ids.push_back(id);
    auto derived = co_await store_.derived(std::move(ids));
    for (const auto& [id, file] : changed)
        publish(file.owner, id, format_event("file", json::serialize(to_json(file, derived)), next_id()));
    to_tell_.clear();
}

void FileEvents::publish(const std::string& owner, const std::string& file, std::string text)
{
    auto shared = std::make_shared<const std::string>(std::move(text));
    std::scoped_lock lock(mutex_);
    auto streams = streams_.find(owner);
    if (streams == streams_.end())
        return;
    for (Subscription* stream : streams->second) {
        if (stream->over_)
            continue;
        stream->pending_.insert_or_assign(file, shared);
        if (stream->pending_.size() > pending_max) {
            stream->over_ = true;
            stream->pending_.clear();
            ended_behind_.Increment();
        }
        stream->waker_->wake();
    }
}

void FileEvents::end_streams()
{
    std::scoped_lock lock(mutex_);
    for (auto& [owner, streams] : streams_) {
        for (Subscription* stream : streams) {
            stream->over_ = true;
            stream->waker_->wake();
        }
    }
}

void FileEvents::stop()
{
    {
        std::scoped_lock lock(mutex_);
        stopped_ = true;
    }
    end_streams();
}

bool FileEvents::has_streams()
{
    std::scoped_lock lock(mutex_);
    return stream_count_ > 0;
}

std::vector<std::string> FileEvents::owners()
{
    std::scoped_lock lock(mutex_);
    std::vector<std::string> owners;
    owners.reserve(streams_.size());
    for (const auto& [owner, streams] : streams_)
        owners.push_back(owner);
    return owners;
}

std::shared_ptr<ChangeFeed> FileEvents::feed()
{
    std::scoped_lock lock(mutex_);
    return feed_;
}

std::string FileEvents::next_id()
{
    std::scoped_lock lock(mutex_);
    return fmt::format("{}-{}", to_unix_ms(clock_.now()), ++events_);
}

std::unique_ptr<FileEvents::Subscription> FileEvents::subscribe(std::string owner, std::shared_ptr<Waker> waker)
{
    auto subscription = std::make_unique<Subscription>(*this, std::move(owner), std::move(waker));
    sleeper_.wake();
    return subscription;
}

FileEvents::Subscription::Subscription(FileEvents& events, std::string owner, std::shared_ptr<Waker> waker)
    : events_(events), owner_(std::move(owner)), waker_(std::move(waker))
{
    std::scoped_lock lock(events_.mutex_);
    if (events_.stopped_)
        throw http::Problem::unavailable("the process is about to end", std::chrono::seconds{1});
    if (events_.stream_count_ >= events_.limits_.streams_max)
        throw http::Problem::unavailable("there are too many event streams", retry_after);
    auto own = events_.streams_.find(owner_);
    if (own != events_.streams_.end() && own->second.size() >= events_.limits_.per_user_max)
        throw http::Problem::too_many(
            "too_many_streams",
            fmt::format("A user may have {} event streams at once: close one first.", events_.limits_.per_user_max),
            retry_after);
    if (!events_.feed_)
        events_.feed_ = events_.store_.changes();
    auto& streams = events_.streams_[owner_];
    place_ = streams.insert(streams.end(), this);
    ++events_.stream_count_;
    events_.open_.Increment();
}

FileEvents::Subscription::~Subscription()
{
    std::scoped_lock lock(events_.mutex_);
    auto streams = events_.streams_.find(owner_);
    streams->second.erase(place_);
    if (streams->second.empty())
        events_.streams_.erase(streams);
    events_.open_.Decrement();
    if (--events_.stream_count_ == 0)
        events_.feed_.reset();
}

std::string FileEvents::Subscription::take()
{
    std::map<std::string, std::shared_ptr<const std::string>> pending;
    {
        std::scoped_lock lock(events_.mutex_);
        pending.swap(pending_);
    }
    std::string text;
    for (const auto& [file, event] : pending)
        text += *event;
    return text;
}

bool FileEvents::Subscription::over() const
{
    std::scoped_lock lock(events_.mutex_);
    return over_;
}

}  // namespace gatehouse::files
