// SPDX-License-Identifier: Apache-2.0
// Passwords: argon2id hashes on threads of their own, so that a flood of logins slows nothing but logins.
//
// The queue is bounded: beyond hash_queue_max, hash() and verify() throw Unavailable (503 with Retry-After). A place in
// it belongs to the job: a client that goes away does not free it. Any thread may call.
#pragma once

#include "auth/config.hpp"
#include "base/blocking_pool.hpp"
#include "base/metrics.hpp"
#include "base/secret.hpp"

#include <string>
#include <string_view>

namespace gatehouse::auth {

class Passwords final {
public:
    Passwords(const Config& config, Metrics& metrics);

    // Throws as hash() and verify() would now, before anything else is done in vain.
    void require_room() const;

    Task<std::string> hash(Secret password);

    // False also for no hash at all, and for one that asks for more work than we ever do, which somebody must have
    // planted. Takes the hashes of foreign_hashes.hpp too.
    Task<bool> verify(Secret password, std::string stored);

    // No password's hash: verifying against it costs what verifying against a real one does.
    const std::string& dummy_hash() const { return dummy_hash_; }

    void stop();

private:
    std::size_t queue_max_;
    BlockingPool pool_;
    std::string dummy_hash_;
    prometheus::Counter& hashes_;
};

// Blocks for the time of one hash, some 20 ms.
std::string hash_password(const Secret& password);

}  // namespace gatehouse::auth
