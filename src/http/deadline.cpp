// SPDX-License-Identifier: Apache-2.0
#include "http/deadline.hpp"

#include "base/error.hpp"

#include <algorithm>

#include <time.h>

namespace gatehouse::http {

namespace {

std::int64_t tick_before(SteadyTime time) { return time.time_since_epoch() / Deadlines::tick; }

}  // namespace

SteadyTime coarse_now()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return SteadyTime{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

// Outlives the Deadlines while a wait of the timer is on its way to its handler.
struct Deadlines::Ticker {
    explicit Ticker(asio::any_io_executor executor) : timer(std::move(executor)) {}

    asio::steady_timer timer;
    Deadlines* owner = nullptr;
    bool armed = false;
};

Deadline::~Deadline()
{
    if (link_)
        deadlines_.take(*this);
}

void Deadline::set(SteadyTime when)
{
    when_ = when;
    if (when == SteadyTime::max())
        return;
    if (!link_) {
        deadlines_.put(*this);
    } else if (tick_before(when) + 1 < tick_) {
        deadlines_.take(*this);
        deadlines_.put(*this);
    }
}

Deadlines::Deadlines(asio::any_io_executor executor) : ticker_(std::make_shared<Ticker>(std::move(executor)))
{
    ticker_->owner = this;
}

Deadlines::~Deadlines()
{
    GH_ASSERT(count_ == 0);
    ticker_->owner = nullptr;
}

bool Deadlines::resting() const { return !ticker_->armed; }

void Deadlines::put(Deadline& entry)
{
    if (count_ == 0)
        current_ = std::max(current_, tick_before(coarse_now()));
    // The tick after the time, so that it has passed; never one that was worked off, nor further than the wheel
    // reaches.
    entry.tick_ = std::clamp(tick_before(entry.when_) + 1, current_ + 1, current_ + slot_count - 1);
    Deadline*& head = slots_[static_cast<std::size_t>(entry.tick_ % slot_count)];
    entry.next_ = head;
    entry.link_ = &head;
    if (head)
        head->link_ = &entry.next_;
    head = &entry;
    ++count_;
    arm();
}

void Deadlines::take(Deadline& entry)
{
    *entry.link_ = entry.next_;
    if (entry.next_)
        entry.next_->link_ = entry.link_;
    entry.link_ = nullptr;
    entry.next_ = nullptr;
    if (--count_ == 0)
        ticker_->timer.cancel();
}

void Deadlines::arm()
{
    if (ticker_->armed)
        return;
    ticker_->armed = true;
    ticker_->timer.expires_at(SteadyTime{(current_ + 1) * tick});
    ticker_->timer.async_wait([ticker = ticker_](const boost::system::error_code&) {
        ticker->armed = false;
        if (ticker->owner)
            ticker->owner->on_tick();
    });
}

void Deadlines::on_tick()
{
    auto now = std::chrono::steady_clock::now();
    std::int64_t last = tick_before(now);
    // After a long stall every slot once is enough.
    current_ = std::max(current_, last - slot_count);
    while (current_ < last && count_ > 0) {
        ++current_;
        run_slot(static_cast<std::size_t>(current_ % slot_count), now);
    }
    if (count_ > 0)
        arm();
}

void Deadlines::run_slot(std::size_t slot, SteadyTime now)
{
    // Entries that are put off go to other slots: current_ was moved on before.
    while (Deadline* entry = slots_[slot]) {
        bool overdue = entry->when_ <= now;
        bool wanted = entry->when_ != SteadyTime::max();
        if (!overdue && wanted) {
            --count_;
            *entry->link_ = entry->next_;
            if (entry->next_)
                entry->next_->link_ = entry->link_;
            put(*entry);
            continue;
        }
        take(*entry);
        entry->when_ = SteadyTime::max();
        if (overdue)
            entry->expired_(entry->owner_);
    }
}

}  // namespace gatehouse::http
