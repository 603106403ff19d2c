// SPDX-License-Identifier: Apache-2.0
// Issuers of other organizations (OpenID Connect providers) whose tokens the configured routes accept: their keys,
// which are fetched again and again, and for each thread what was verified with them. A token is verified with the keys
// of the issuer that it names and no others.
//
// Built at start; find() on any I/O thread. What the constructor takes outlives it.
#pragma once

#include "base/blocking_pool.hpp"
#include "base/clock.hpp"
#include "base/io_threads.hpp"
#include "gateway/config.hpp"
#include "identity/authenticator.hpp"
#include "identity/external_token.hpp"
#include "identity/key_fetcher.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

class Issuers final {
public:
    // Throws std::runtime_error for what find_issuer_error() finds.
    Issuers(const std::vector<IssuerConfig>& configs, std::size_t threads, const identity::RevocationList& revocations,
            const Clock& clock);
    ~Issuers();

    bool empty() const { return issuers_.empty(); }

    // Of the issuer that the token names; nullptr when it is none of these.
    identity::Authenticator* find(std::string_view token);

    // What fetches the keys: each runs until it is cancelled, on one I/O thread.
    std::vector<Task<void>> fetchers();

    void interrupt();  // ends a fetch in progress; before the fetchers are cancelled
    void stop();       // after they have ended

private:
    struct Issuer;

    std::vector<std::unique_ptr<Issuer>> issuers_;
    std::atomic<bool> interrupted_{false};
    BlockingPool pool_;  // where fetches block; the last member: its thread ends first
};

}  // namespace gatehouse::gateway
