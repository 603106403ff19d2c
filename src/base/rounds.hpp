// SPDX-License-Identifier: Apache-2.0
// Work that is done again and again for as long as a process lives: when another thread says so, after a while, or,
// when it failed, after a delay that grows.
//
// The loop lives on the one thread of its caller's executor; the sleeper may be woken by any thread.
#pragma once

#include "base/task.hpp"
#include "base/waker.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace gatehouse {

struct Rounds {
    std::function<Task<void>()> work;                      // one round; may throw
    std::function<Task<void>(Waker&)> rest;                // after a round that went well
    std::function<void(const std::string& error)> failed;  // is told of a round that did not
    std::chrono::milliseconds backoff_max;                 // the longest delay after failed ones
};

// Until cancelled. Waking `sleeper`, which outlives it, ends the wait of `rest`.
Task<void> run_rounds(WakerPlace& sleeper, Rounds rounds);

}  // namespace gatehouse
