// SPDX-License-Identifier: Apache-2.0
// The requests that this process sends to upstreams, and its connections to them, as OpenTelemetry's HTTP conventions
// name them (http.client.*), by the server's address and port.
//
// One object for the process. Figures are kept per thread (request_figures.hpp) and outlive the configuration that the
// servers came from; so that reloads cannot add series without end, servers beyond the first 1024 are counted together
// as "_OTHER".
#pragma once

#include "base/metrics.hpp"
#include "http/request_figures.hpp"
#include "http/url.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::http {

// The connections of one thread to one server. Written by that thread alone, read by whoever scrapes.
struct ConnectionFigures {
    std::atomic<std::uint32_t> active{0};   // an exchange is under way
    std::atomic<std::uint32_t> idle{0};     // kept for the next one
    std::atomic<std::uint32_t> waiting{0};  // requests whose connection is being made
};

class ClientMetrics final : public prometheus::Collectable {
public:
    static constexpr std::size_t servers_max = 1024;

    // Registers itself.
    static std::shared_ptr<ClientMetrics> make(std::size_t threads, Metrics& metrics);
    explicit ClientMetrics(std::size_t threads) : figures_(threads) {}

    // The number of a server; the same host and port have the same one always. Takes a lock: ask once and keep it.
    // Any thread.
    std::size_t server(const Endpoint& endpoint);

    // A request that was sent, or could not be. `status` is 0 when no answer came, `error` says why then. Call on an
    // I/O thread.
    void count(std::size_t server, KnownMethod method, int status, RequestError error,
               std::chrono::steady_clock::time_point began);

    // For one thread's pool of connections to a server, shown as long as that keeps it. Any thread.
    std::shared_ptr<ConnectionFigures> add_pool(const Endpoint& endpoint);

    std::vector<prometheus::MetricFamily> Collect() const override;

private:
    using Server = std::pair<std::string, std::uint16_t>;  // port 0: none, for a socket in the file system

    std::size_t find_server(const Endpoint& endpoint);  // REQUIRES: the lock

    RequestFigures figures_;
    mutable std::mutex mutex_;
    std::map<Server, std::size_t> numbers_;
    std::vector<Server> servers_;
    std::vector<std::pair<std::size_t, std::shared_ptr<ConnectionFigures>>> pools_;
};

}  // namespace gatehouse::http
