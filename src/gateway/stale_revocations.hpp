// SPDX-License-Identifier: Apache-2.0
// What a route does while this process's list of revocations is older than it may be, because auth (or its store) does
// not answer: lets verified tokens through, asks auth about each, or refuses. One object serves all I/O threads.
#pragma once

#include "base/task.hpp"
#include "gateway/config.hpp"
#include "http/problem.hpp"
#include "http/upstream.hpp"
#include "identity/revocation_list.hpp"
#include "identity/service_key.hpp"

#include <optional>

namespace gatehouse::gateway {

class StaleRevocations final {
public:
    // All outlive it.
    StaleRevocations(const Config& config, const identity::RevocationList& list, http::Upstream& auth,
                     const identity::ServiceKey& service_key);

    // Cheap: asked for each request.
    bool now() const { return list_.age() > config_.revocation_max_age; }

    // What speaks against a request with this verified token. REQUIRES: now()
    Task<std::optional<http::Problem>> check(StalePolicy policy, std::string token);

private:
    Task<std::optional<http::Problem>> ask(std::string token);

    const Config& config_;
    const identity::RevocationList& list_;
    http::Upstream& auth_;
    const identity::ServiceKey& service_key_;
};

}  // namespace gatehouse::gateway
