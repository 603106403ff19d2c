// SPDX-License-Identifier: Apache-2.0
// What is in force in this process, over HTTP:
//
//   GET /admin/config   the configuration as JSON, secrets left out
//
// More is left out than `gatehouse config print` does, which only the machine's owner runs: the values of header fields
// that a route sets for its service, or asks of its requests.
#pragma once

#include "app/reloader.hpp"
#include "base/blocking_pool.hpp"
#include "base/io_threads.hpp"
#include "base/json.hpp"
#include "http/router.hpp"
#include "identity/authenticator.hpp"

namespace gatehouse::app {

// "X-Key: value" becomes "X-Key: [redacted]", "X-Key=value" likewise, where routes name header fields.
void redact_header_values(json::value& config);

class ConfigEndpoint final {
public:
    // All outlive it. The configuration is read on the pool.
    ConfigEndpoint(Reloader& reloader, BlockingPool& pool, PerThread<identity::Authenticator>& authenticators)
        : reloader_(reloader), pool_(pool), authenticators_(authenticators)
    {
    }

    http::Route route();  // for a router that this object outlives

private:
    Task<http::Response> print(http::Request& request);

    Reloader& reloader_;
    BlockingPool& pool_;
    PerThread<identity::Authenticator>& authenticators_;
};

}  // namespace gatehouse::app
