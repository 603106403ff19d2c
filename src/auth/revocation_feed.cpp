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

// Who asked another process before may know more than we do yet.
bool has_news(const identity::RevocationPosition& here, const identity::RevocationPosition& from)
{
    return from.log != here.log || from.number < here.number;
}

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
        take(log, as_of);
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
    take(log, as_of);
    if (as_of < next_sweep_)
        co_return;
    next_sweep_ = as_of + sweep_interval;
    auto sweep = [&](sql::Connection& connection) { sweep_revocations(connection, now - keep_); };
    co_await database_.write(sweep);
}

void RevocationFeed::take(const identity::RevocationNews& log, std::chrono::steady_clock::time_point as_of)
{
    auto before = list_.position();
    list_.apply(log.read_to, log.entries, log.complete, as_of);
    if (list_.position() == before)
        return;
    std::scoped_lock lock(mutex_);
    for (const auto& waker : waiting_)
        waker->wake();
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
            if (stopped_ || left.count() <= 0 || has_news(list_.position(), from))
                break;
        }
        co_await waker->wait(left);
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            break;
    }
    {
        std::scoped_lock lock(mutex_);
        waiting_.erase(place);
    }
    co_return list_.after(from, entries_max);
}

void RevocationFeed::stop_waiting()
{
    std::scoped_lock lock(mutex_);
    stopped_ = true;
    for (const auto& waker : waiting_)
        waker->wake();
}

}  // namespace gatehouse::auth
