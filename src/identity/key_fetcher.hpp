// SPDX-License-Identifier: Apache-2.0
// Keeps public keys that are made elsewhere: fetches auth's key set (RFC 7517), or another issuer's, at the start,
// every minute, and when a token names a key that is not known. While it is away the keys that are here stay in use.
//
// Lives on one I/O thread, but for the report of an unknown key, which may come from any.
#pragma once

#include "base/task.hpp"
#include "base/waker.hpp"
#include "http/upstream.hpp"
#include "identity/token.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace gatehouse::identity {

class KeyFetcher final {
public:
    struct Pace {
        std::chrono::milliseconds refresh{60'000};
        std::chrono::milliseconds cool_down{1'000};  // between two fetches, whatever tokens are shown
        std::chrono::milliseconds backoff_max{5'000};
    };

    // Gives the key set's text, or throws.
    using Get = std::function<Task<std::string>()>;

    // `whose` is for the log. Listens to `keys`, which outlives it, from here on.
    KeyFetcher(std::string whose, Get get, KeySource& keys, Pace pace);
    // Auth's. Both outlive it.
    KeyFetcher(http::Upstream& auth, KeySource& keys) : KeyFetcher(auth, keys, Pace{}) {}
    KeyFetcher(http::Upstream& auth, KeySource& keys, Pace pace);
    KeyFetcher(const KeyFetcher&) = delete;
    KeyFetcher& operator=(const KeyFetcher&) = delete;

    // Runs until cancelled.
    Task<void> run();

private:
    Task<void> fetch();
    Task<void> rest(Waker& waker);

    std::string whose_;
    Get get_;
    KeySource& keys_;
    Pace pace_;
    std::string last_;    // the text of the set in use
    WakerPlace sleeper_;  // while run() runs
};

}  // namespace gatehouse::identity
