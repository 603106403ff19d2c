// SPDX-License-Identifier: Apache-2.0
// Deadlines that cost nothing while they move: a connection stores when it is overdue, one ticker for each thread
// looks.
//
// Setting a later time only writes the number; the entry stays in its slot of a wheel and is put off when the ticker
// comes to it. The resolution is Deadlines::tick. The ticker rests while there are no entries, so it never holds up the
// end of a context. All calls are on the one thread that runs the executor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace gatehouse::http {

namespace asio = boost::asio;

using SteadyTime = std::chrono::steady_clock::time_point;

// A few milliseconds behind std::chrono::steady_clock, and several times cheaper to read.
SteadyTime coarse_now();

class Deadlines;

// One point in time that matters to its owner. When it has passed, `expired(owner)` is called once, from the ticker; it
// may destroy this object.
class Deadline final {
public:
    using Expired = void (*)(void* owner);

    Deadline(Deadlines& deadlines, Expired expired, void* owner)
        : deadlines_(deadlines), expired_(expired), owner_(owner)
    {
    }
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    void set(SteadyTime when);
    void clear() { when_ = SteadyTime::max(); }
    SteadyTime when() const { return when_; }

private:
    friend class Deadlines;

    Deadlines& deadlines_;
    Expired expired_;
    void* owner_;
    SteadyTime when_ = SteadyTime::max();
    std::int64_t tick_ = 0;  // when the ticker comes to it
    Deadline* next_ = nullptr;
    Deadline** link_ = nullptr;  // what points to this; null when in no list
};

class Deadlines final {
public:
    static constexpr std::chrono::milliseconds tick{100};

    explicit Deadlines(asio::any_io_executor executor);
    ~Deadlines();  // REQUIRES: no Deadline is left; on the executor's thread, or when it is resting()
    Deadlines(const Deadlines&) = delete;
    Deadlines& operator=(const Deadlines&) = delete;

    bool resting() const;

private:
    friend class Deadline;
    struct Ticker;

    static constexpr std::int64_t slot_count = 256;

    void put(Deadline& entry);
    void take(Deadline& entry);
    void run_slot(std::size_t slot, SteadyTime now);
    void on_tick();
    void arm();

    std::shared_ptr<Ticker> ticker_;
    std::array<Deadline*, slot_count> slots_{};
    std::size_t count_ = 0;
    std::int64_t current_ = 0;  // the last tick that was worked off
};

}  // namespace gatehouse::http
