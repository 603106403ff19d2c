// SPDX-License-Identifier: Apache-2.0
// For tests: a list of revocations that is ready, as after the first answer of auth.
#pragma once

#include "identity/revocation_list.hpp"

namespace gatehouse::identity::testing {

struct KnownRevocations {
    KnownRevocations() { add({}); }
    void add(const std::vector<Revocation>& revocations)
    {
        std::int64_t number = list.position().number + static_cast<std::int64_t>(revocations.size());
        list.apply({"log", number}, revocations, true, std::chrono::steady_clock::now());
    }
    RevocationList list;
};

}  // namespace gatehouse::identity::testing
