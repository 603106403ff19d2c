// SPDX-License-Identifier: Apache-2.0
// A service as its callers see it: a handler in this process, or endpoints reached over HTTP. The one seam between
// roles.
//
// Over HTTP the endpoints are chosen and judged by an EndpointSet; what is tried again, and how often, stands in
// upstream_options.hpp. One object serves all I/O threads; answers that stream keep what they need of it alive.
#pragma once

#include "base/io_threads.hpp"
#include "http/client.hpp"
#include "http/endpoint_set.hpp"
#include "http/message.hpp"
#include "http/retry_budget.hpp"
#include "http/upstream_options.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::http {

// What the caller says about one request.
struct Passing {
    bool preserve_host = false;  // the peer sees the request's Host field, else its own address
    std::uint64_t affinity = 0;  // affinity_of() whom requests are kept together for
};

class Upstream final {
public:
    // In this process.
    Upstream(std::string name, Handler handler);
    // Over HTTP. REQUIRES: what EndpointSet requires.
    Upstream(std::string name, std::vector<WeightedEndpoint> endpoints, UpstreamOptions options,
             PerThread<Client>& clients);
    // One of our own roles: an endpoint that fails once is out for two seconds, unless no other is there.
    Upstream(std::string name, std::vector<Endpoint> endpoints, PerThread<Client>& clients);
    ~Upstream();

    const std::string& name() const { return name_; }
    bool in_process() const { return static_cast<bool>(handler_); }

    // Call on an I/O thread. In process it answers problems for what the handler throws; over HTTP a peer that is not
    // there, too busy or breaks off is answered 502, 503 or 504. BodyError for the request's own body is thrown.
    Task<Response> send(Request& request, Passing passing = {});

    // Null in process.
    const std::shared_ptr<EndpointSet>& endpoints() const { return endpoints_; }

private:
    struct Thread;
    struct Attempt;

    Task<Response> send_over_http(Request& request, Passing passing);
    Task<void> try_endpoint(Attempt& attempt, std::size_t index);
    bool may_retry(const Attempt& attempt) const;

    std::string name_;
    Handler handler_;
    std::shared_ptr<EndpointSet> endpoints_;
    PerThread<Client>* clients_ = nullptr;
    bool own_limits_ = true;                    // else the client's
    std::shared_ptr<ClientMetrics> metrics_;    // or null
    std::vector<std::size_t> metrics_servers_;  // by endpoint
    std::unique_ptr<PerThread<Thread>> threads_;
    std::unique_ptr<RetryFloor> retry_floor_;
};

}  // namespace gatehouse::http
