// SPDX-License-Identifier: Apache-2.0
// Carries the log of revocations from the store into this process's list, and to the processes that ask for it by long
// poll (docs/adr/0009-revocation.md).
//
// run() lives on one I/O thread; read() runs on any of them; notify() and stop_waiting() may be called by any thread.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "base/waker.hpp"
#include "identity/revocation_follower.hpp"
#include "sql/database.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <mutex>

namespace gatehouse::auth {

class RevocationFeed final {
public:
    using Position = identity::RevocationList::Position;

    // All outlive it. `keep`: for how long a revocation matters.
    RevocationFeed(sql::Database& database, identity::RevocationList& list, const Clock& clock,
                   std::chrono::seconds keep);

    // Reads all that is there. Throws Unavailable. Blocks.
    void start();

    // Reads what is new whenever notify() is called and every 100 ms, because other processes write to the store, too;
    // until cancelled. Never throws: while the store is away the list grows old.
    Task<void> run();

    // This process has just committed a revocation.
    void notify() { sleeper_.wake(); }

    // Waits until the list holds what the store held when this was called, 2 s at most: when the store does not answer
    // in time, the age of the list says so.
    Task<void> catch_up();

    // What the log holds after `from`; waits for it as long as there is nothing.
    Task<identity::RevocationNews> read(Position from, std::chrono::milliseconds wait);

    // Who waits is answered now, and nobody waits any more: the process is about to end.
    void stop_waiting();

private:
    class Waiting;

    bool is_stopped();
    Task<void> read_store();
    void take(const identity::RevocationNews& log, std::chrono::steady_clock::time_point as_of);

    sql::Database& database_;
    identity::RevocationList& list_;
    const Clock& clock_;
    std::chrono::seconds keep_;

    WakerPlace sleeper_;  // while run() runs

    std::mutex mutex_;
    std::list<std::shared_ptr<Waker>> waiting_;  // woken by what is new
    int catching_up_ = 0;                        // of these: woken when the store was read, too
    bool stopped_ = false;
    std::chrono::steady_clock::time_point next_sweep_;
};

}  // namespace gatehouse::auth
