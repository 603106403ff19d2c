// SPDX-License-Identifier: Apache-2.0
// Keeps the list of revocations of a process in which auth does not run: asks auth for the whole log at the start, then
// for what is new by long poll. While auth is away the list grows old (RevocationList::age()).
//
// Lives on one I/O thread.
#pragma once

#include "base/task.hpp"
#include "http/upstream.hpp"
#include "identity/revocation_list.hpp"
#include "identity/service_key.hpp"

#include <chrono>

namespace gatehouse::identity {

class RevocationFollower final {
public:
    struct Pace {
        std::chrono::seconds wait{5};  // how long auth may keep a request that has no news
        std::chrono::milliseconds backoff_max{1'000};
    };

    // All outlive it.
    RevocationFollower(http::Upstream& auth, const ServiceKey& service_key, RevocationList& list)
        : RevocationFollower(auth, service_key, list, Pace{})
    {
    }
    RevocationFollower(http::Upstream& auth, const ServiceKey& service_key, RevocationList& list, Pace pace);
    RevocationFollower(const RevocationFollower&) = delete;
    RevocationFollower& operator=(const RevocationFollower&) = delete;

    // Runs until cancelled.
    Task<void> run();

private:
    Task<void> ask();

    http::Upstream& auth_;
    const ServiceKey& service_key_;
    RevocationList& list_;
    Pace pace_;
};

// The form in which auth answers: {"log", "number", "complete", "age_ms", "revocations": [[number, kind, subject,
// seconds for which it matters], ...]}.
json::object to_json(const RevocationNews& news);
Result<RevocationNews, std::string> parse_revocation_news(std::string_view text);

}  // namespace gatehouse::identity
