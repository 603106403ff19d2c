// SPDX-License-Identifier: Apache-2.0
// The role `gateway`: the only public entrance. Matches a route, verifies the token itself, checks the permission,
// strips and sets identity fields, forwards, logs. The steps are a fixed list in pipeline.cpp: their order is a
// security property.
#pragma once

#include "base/clock.hpp"
#include "base/io_threads.hpp"
#include "base/json.hpp"
#include "base/tracer.hpp"
#include "gateway/config.hpp"
#include "http/server_metrics.hpp"
#include "http/upstream.hpp"
#include "identity/authenticator.hpp"
#include "identity/service_key.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

class Gateway final {
public:
    struct Needs {
        IoThreads& threads;
        http::Upstream& auth;
        http::Upstream& files;
        http::Upstream& console;  // always in process
        PerThread<http::Client>& clients;
        PerThread<identity::Authenticator>& authenticators;
        const identity::RevocationList& revocations;
        const identity::ServiceKey& service_key;
        const Clock& clock;
        Metrics& process_metrics;
        http::ServerMetrics& metrics;
        Tracer* tracer = nullptr;           // without one no spans are recorded
        http::Upstream* process = nullptr;  // what answers for the process as a whole: GET /admin/status
    };
    // Throws std::runtime_error for routes that contradict each other.
    Gateway(Config config, Needs needs);
    ~Gateway();

    // What the public server runs, on the I/O threads.
    http::Handler handler();

    // Serves by this configuration from now on: every request that begins after the return does, and those in progress
    // end by the one they began with. Other issuers stay as they were at the start. Throws std::runtime_error like the
    // constructor, or when too many old configurations are still in use; then nothing has changed. Blocks; on no I/O
    // thread, while they run, one call at a time.
    void reload(Config config);

    // What /metrics tells of the services behind the configured routes.
    std::shared_ptr<const prometheus::Collectable> upstream_metrics() const;

    // What /admin/status tells of them (upstream_metrics.hpp). Any thread.
    json::array service_states() const;

    // What would be done with a request, as JSON (explain.hpp): nothing is sent. On an I/O thread. Throws Problem 400
    // when `question` describes none.
    Task<json::object> explain(json::object question);

    // What fetches the keys of other issuers and checks endpoints' health: each runs on an I/O thread until cancelled.
    // interrupt() before that, stop() when they have ended.
    std::vector<Task<void>> background();
    void interrupt();
    void stop();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// Whether the built-in routes own every path that begins with this segment: a configured route may not.
bool is_built_in_segment(std::string_view segment);

// Whether a route may let this protocol through: a token, and none that is another form of HTTP or TLS.
bool is_upgrade_protocol(std::string_view name);

// What is wrong with a configured route as far as the gateway can tell, each with the key below the route's own.
struct RouteError {
    std::string key;
    std::string what;
};
std::vector<RouteError> find_route_errors(const RouteConfig& route, const Config& config);

// The same for what stands beside the routes, below `gateway`.
std::vector<RouteError> find_gateway_errors(const Config& config);

// True when a request could be taken by both and no rule says which goes first (docs/routes.md).
bool routes_contradict(const RouteConfig& a, const RouteConfig& b);

// What is wrong with another issuer's settings, and with which of them.
struct IssuerError {
    std::string_view key;
    std::string what;
};
std::optional<IssuerError> find_issuer_error(const IssuerConfig& config);

}  // namespace gatehouse::gateway
