// SPDX-License-Identifier: Apache-2.0
#include "auth/revocation_feed.hpp"

#include "auth/revocation_store.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace gatehouse::auth {

namespace {

constexpr std::chrono::milliseconds poll_interval{100};
constexpr std::chrono::milliseconds backoff_max{1'000};
constexpr std::chrono::seconds sweep_interval{60};
constexpr std::size_t entries_max = 10'000;  // of one answer

}  // namespace

RevocationFeed::RevocationFeed(sql::Database& database, identity::RevocationList& list, const Clock& clock,
                               std::chrono::seconds keep)
    : database_(database), list_(list), clock_(clock), keep_(keep)
{
}

void RevocationFeed::start()
{
    database_.write_blocking([](sql::Connection& connection) { name_revocation_log(connection); });
    bool complete = false;
    while (!complete) {
        auto as_of = std::chrono::steady_clock::now();
        auto from = list_.position();
        TimePoint now = clock_.now();
        auto log = database_.read_blocking(
            [&](sql::Connection& connection) { return read_revocations(connection, from, now, keep_); });
        complete = log.complete;
        take(log.read_to, std::move(log.entries), complete, as_of);
    }
}

Task<void> RevocationFeed::run()
{
    auto waker = std::make_shared<Waker>(co_await asio::this_coro::executor);
    WakerPlace::Occupied occupied(sleeper_, waker);
    Backoff backoff(backoff_max);
    while (true) {
        bool failed = false;
        try {
            if (list_.ready())  // start() may have to wait for the database
                co_await read_store();
        } catch (const std::exception& error) {
            failed = true;
            log::debug("auth", "revocations not read", {{"error", error.what()}});
        }
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        if (failed) {
            co_await pause(backoff.next());
            continue;
        }
        backoff.reset();
        co_await waker->wait(poll_interval);
    }
}

Task<void> RevocationFeed::read_store()
{
    auto as_of = std::chrono::steady_clock::now();
    auto from = list_.position();
    TimePoint now = clock_.now();
    auto read = [&](sql::Connection& connection) { return read_revocations(connection, from, now, keep_); };
    auto log = co_await database_.read(read);
    take(log.read_to, std::move(log.entries), log.complete, as_of);
    if (as_of < next_sweep_)
        co_return;
    next_sweep_ = as_of + sweep_interval;
    auto sweep = [&](sql::Connection& connection) { sweep_revocations(connection, now - keep_); };
    co_await database_.write(sweep);
}

void RevocationFeed::take(const Position& read_to, std::vector<identity::Revocation> entries, bool complete,
                          std::chrono::steady_clock::time_point as_of)
{
    list_.apply(read_to, entries, complete, as_of);
    auto now = std::chrono::steady_clock::now();
    std::scoped_lock lock(mutex_);
    if (position_.log != read_to.log)
        entries_.clear();
    bool changed = position_.log != read_to.log || position_.number != read_to.number;
    position_ = read_to;
    for (identity::Revocation& revocation : entries)
        entries_.push_back({now + revocation.keep, std::move(revocation)});
    while (!entries_.empty() && entries_.front().until <= now)
        entries_.pop_front();
    if (!changed)
        return;
    for (const auto& waker : waiting_)
        waker->wake();
}

bool RevocationFeed::has_news(const Position& from) const
{
    return from.log != position_.log || from.number < position_.number;
}

Task<identity::RevocationNews> RevocationFeed::read(Position from, std::chrono::milliseconds wait)
{
    auto waker = std::make_shared<Waker>(co_await asio::this_coro::executor);
    auto until = std::chrono::steady_clock::now() + wait;
    std::list<std::shared_ptr<Waker>>::iterator place;
    {
        std::scoped_lock lock(mutex_);
        place = waiting_.insert(waiting_.end(), waker);
    }
    while (true) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        {
            std::scoped_lock lock(mutex_);
            if (has_news(from) || stopped_ || left.count() <= 0)
                break;
        }
        co_await waker->wait(left);
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            break;
    }
    std::scoped_lock lock(mutex_);
    waiting_.erase(place);
    co_return news(from);
}

identity::RevocationNews RevocationFeed::news(const Position& from) const
{
    identity::RevocationNews news;
    news.age = list_.age();
    news.read_to = position_;
    std::int64_t after = from.log == position_.log ? from.number : 0;
    auto now = std::chrono::steady_clock::now();
    auto number_of = [](const Entry& entry) { return entry.revocation.number; };
    auto first = std::ranges::upper_bound(entries_, after, {}, number_of);
    for (; first != entries_.end() && news.entries.size() < entries_max; ++first) {
        auto& entry = news.entries.emplace_back(first->revocation);
        entry.keep = std::max(std::chrono::ceil<std::chrono::seconds>(first->until - now), std::chrono::seconds{1});
    }
    news.complete = first == entries_.end();
    if (!news.complete)
        news.read_to.number = news.entries.back().number;
    return news;
}

void RevocationFeed::stop_waiting()
{
    std::scoped_lock lock(mutex_);
    stopped_ = true;
    for (const auto& waker : waiting_)
        waker->wake();
}

}  // namespace gatehouse::auth
