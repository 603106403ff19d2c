// SPDX-License-Identifier: Apache-2.0
// What the gateway knows of one request on its way through: filled by the steps of the pipeline, and at the end what
// the log and the metrics are made of. It lives in the request's coroutine.
#pragma once

#include "gateway/route_table.hpp"
#include "identity/claims.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace gatehouse::gateway {

using Caller = std::shared_ptr<const identity::Claims>;  // null for an anonymous one

struct Passage {
    const Route* route = nullptr;  // null when none matched
    Caller caller;
    std::chrono::steady_clock::time_point began;

    // As the client sent them, for the access log; empty without one.
    std::string method;
    std::string path;
    std::string agent;
};

}  // namespace gatehouse::gateway
