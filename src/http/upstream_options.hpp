// SPDX-License-Identifier: Apache-2.0
// How a service's endpoints are chosen, judged and spared: values alone, comparable.
#pragma once

#include "http/url.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace gatehouse::http {

// Which endpoint takes a request. The last two keep one caller at one endpoint as long as that is there and has not
// much more to do than the others.
enum class Balance { round_robin, least_requests, hash_user, hash_address };

struct ExchangeLimits {
    std::chrono::milliseconds connect{5'000};
    std::chrono::milliseconds first_byte{60'000};    // from the sent request to its answer's head
    std::chrono::milliseconds idle{30'000};          // between two pieces of a body, either way
    std::chrono::milliseconds tunnel_idle{600'000};  // after a change of the protocol
    std::chrono::milliseconds total{0};              // everything, tries and the answer's body included; 0: no limit
    bool operator==(const ExchangeLimits&) const = default;
};

// A request goes to another endpoint when the first one could not be connected to (any request, as often as there are
// endpoints), or when it is idempotent, has no body and got no usable answer (`attempts` times at most, and within the
// budget).
struct RetryOptions {
    std::size_t attempts = 1;
    bool refusals = false;            // an answer 502, 503 or 504 counts as none
    std::size_t budget_percent = 20;  // of the requests
    std::size_t per_second = 3;       // and so many, however few requests there are
    bool operator==(const RetryOptions&) const = default;
};

// An endpoint that fails several times in a row is out for a time that doubles.
struct EjectionOptions {
    std::size_t failures = 5;
    std::chrono::milliseconds time{5'000};
    std::chrono::milliseconds time_max{300'000};
    bool answers = true;                           // late, broken and refusing answers are failures, too
    std::size_t percent_max = 50;                  // of the endpoints, at once
    std::chrono::milliseconds slow_start{10'000};  // until one that comes back has its whole share
    bool operator==(const EjectionOptions&) const = default;
};

struct HealthOptions {
    std::string path;  // asked with GET; empty: no checks
    std::chrono::milliseconds interval{10'000};
    std::chrono::milliseconds timeout{2'000};
    std::size_t status = 200;
    std::size_t healthy_after = 2;  // answers in a row
    std::size_t unhealthy_after = 3;
    bool operator==(const HealthOptions&) const = default;
};

struct UpstreamOptions {
    Protocol protocol = Protocol::http1;
    Balance balance = Balance::round_robin;
    // With a hash: how many requests an endpoint may have in progress, in percent of its share; 0: any number.
    std::size_t hash_balance_factor = 125;
    ExchangeLimits limits;
    RetryOptions retry;
    EjectionOptions ejection;
    HealthOptions health;
    std::size_t requests_max = 0;        // in progress at all endpoints together; 0: what the endpoints may
    std::size_t connections_max = 4096;  // in use at one endpoint
    bool operator==(const UpstreamOptions&) const = default;
};

}  // namespace gatehouse::http
