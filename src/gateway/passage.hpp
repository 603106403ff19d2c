// SPDX-License-Identifier: Apache-2.0
// What the gateway knows of one request on its way through: filled by the steps of the pipeline, and at the end what
// the log and the metrics are made of. It lives in the request's coroutine.
#pragma once

#include "base/tracer.hpp"
#include "gateway/recent_requests.hpp"
#include "gateway/route_table.hpp"
#include "gateway/steps.hpp"
#include "http/server_metrics.hpp"
#include "identity/claims.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::gateway {

class ForwardedBody;  // forwarded_body.hpp

using Caller = std::shared_ptr<const identity::Claims>;  // null for an anonymous one

struct Passage {
    const Route* route = nullptr;  // null when none matched
    Caller caller;
    bool by_link = false;  // it needs no caller
    http::ServerMetrics::Active active;
    Step step = Step::forward_auth;  // the last one that it came to
    bool dry_run = false;            // it is only to be told what would happen: nothing is sent, nothing counts
    RecentRequests::Ticket ticket;
    Tracer::Span span;                                 // of the whole request, where it is recorded
    std::uint64_t request_bytes = 0;                   // of the body, as far as it was read
    std::shared_ptr<const ForwardedBody> body_beside;  // which may go on being read while the answer is sent

    // For the policies of the route, as the client said it; the request is rewritten on its way.
    std::optional<BucketResult> counted;  // by its rate limit
    std::string origin;                   // with CORS
    Coding coding = Coding::identity;     // with compression
    bool preflight = false;               // answered as such

    // As the client sent them, for the access log; empty without one.
    std::string method;
    std::string path;
    std::string agent;
};

}  // namespace gatehouse::gateway
