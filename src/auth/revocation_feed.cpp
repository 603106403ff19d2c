// SPDX-License-Identifier: Apache-2.0
#include "auth/revocation_feed.hpp"

#include "auth/revocation_store.hpp"
#include "base/log.hpp"
#include "base/rounds.hpp"

#include <algorithm>

namespace gatehouse::auth {

namespace {

constexpr std::chrono::milliseconds poll_interval{100};
constexpr std::chrono::milliseconds backoff_max{1'000};
constexpr std::chrono::seconds sweep_interval{60};
constexpr std::chrono::seconds catch_up_max{2};
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
    return run_rounds(
        sleeper_,
        {.work = [this] { return read_store(); },
         .rest = [](Waker& waker) { return waker.wait(poll_interval); },
         .failed = [](const std::string& error) { log::debug("auth", "revocations not read", {{"error", error}}); },
         .backoff_max = backoff_max});
}

Task<void> RevocationFeed::read_store()
{
    if (!list_.ready())
        co_return;  // start() may have to wait for the database
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
    bool is_new = list_.position() != before;
    std::scoped_lock lock(mutex_);
    if (!is_new && catching_up_ == 0)
        return;
    for (const auto& waker : waiting_)
        waker->wake();
}

// One who waits for what is new, from now until this object ends.
class RevocationFeed::Waiting {
public:
    Waiting(RevocationFeed& feed, std::shared_ptr<Waker> waker, bool catching_up)
        : feed_(feed), catching_up_(catching_up)
    {
        std::scoped_lock lock(feed_.mutex_);
        place_ = feed_.waiting_.insert(feed_.waiting_.end(), std::move(waker));
        feed_.catching_up_ += catching_up_;
    }
    ~Waiting()
    {
        std::scoped_lock lock(feed_.mutex_);
        feed_.waiting_.erase(place_);
        feed_.catching_up_ -= catching_up_;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    // Until `done()`, `until` or the end of the feed. Returns at once when the caller is, or has been, cancelled.
    template <class Done>
    Task<void> wait(std::chrono::steady_clock::time_point until, Done done)
    {
        auto cancellation = co_await asio::this_coro::cancellation_state;
        while (cancellation.cancelled() == asio::cancellation_type::none) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            if (left.count() <= 0 || done() || feed_.is_stopped())
                break;
            co_await (*place_)->wait(left);
        }
    }

private:
    RevocationFeed& feed_;
    int catching_up_;
    std::list<std::shared_ptr<Waker>>::iterator place_;
};

bool RevocationFeed::is_stopped()
{
    std::scoped_lock lock(mutex_);
    return stopped_;
}

Task<void> RevocationFeed::catch_up()
{
    auto began = std::chrono::steady_clock::now();
    Waiting waiting(*this, std::make_shared<Waker>(co_await asio::this_coro::executor), true);
    notify();
    co_await waiting.wait(began + catch_up_max, [&] { return list_.knows_all_until(began); });
}

Task<identity::RevocationNews> RevocationFeed::read(Position from, std::chrono::milliseconds wait)
{
    {
        Waiting waiting(*this, std::make_shared<Waker>(co_await asio::this_coro::executor), false);
        co_await waiting.wait(std::chrono::steady_clock::now() + wait,
                              [&] { return has_news(list_.position(), from); });
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
