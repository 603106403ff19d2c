// SPDX-License-Identifier: Apache-2.0
// Keeps the public keys of a process in which auth does not run: fetches auth's key set (RFC 7517) at the start, every
// minute, and when a token names a key that is not known. While auth is away the keys that are here stay in use.
//
// Lives on one I/O thread, but for the report of an unknown key, which may come from any.
#pragma once

#include "base/task.hpp"
#include "base/waker.hpp"
#include "http/upstream.hpp"
#include "identity/token.hpp"

#include <chrono>
#include <string>

namespace gatehouse::identity {

class KeyFetcher final {
public:
    struct Pace {
        std::chrono::milliseconds refresh{60'000};
        std::chrono::milliseconds cool_down{1'000};  // between two fetches, whatever tokens are shown
        std::chrono::milliseconds backoff_max{5'000};
    };

    // Both outlive it. Listens to `keys` from here on.
    KeyFetcher(http::Upstream& auth, KeySource& keys) : KeyFetcher(auth, keys, Pace{}) {}
    KeyFetcher(http::Upstream& auth, KeySource& keys, Pace pace);
    KeyFetcher(const KeyFetcher&) = delete;
    KeyFetcher& operator=(const KeyFetcher&) = delete;

    // Runs until cancelled.
    Task<void> run();

private:
    Task<void> fetch();

    http::Upstream& auth_;
    KeySource& keys_;
    Pace pace_;
    std::string last_;    // the text of the set in use
    WakerPlace sleeper_;  // while run() runs
};

}  // namespace gatehouse::identity
