// SPDX-License-Identifier: Apache-2.0
// The ops port: is the process alive, ready, started; its metrics. Handlers run on I/O threads; the setters on any.
#pragma once

#include "app/process_metrics.hpp"
#include "app/readiness.hpp"
#include "base/metrics.hpp"
#include "http/router.hpp"

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

class Ops final {
public:
    struct Check {
        std::string name;
        std::function<bool()> passes;  // any thread
        bool required = true;          // as in Readiness::Check
    };

    explicit Ops(Metrics& metrics);

    // Something that should work; while a required one does not, the process is not ready. Before start only.
    void add_check(Check check) { checks_.push_back(std::move(check)); }

    // Brings figures up to date that nobody counts. Called before each scrape, on any I/O thread. Before start only.
    void before_scrape(std::function<void()> update) { updates_.push_back(std::move(update)); }

    void set_started() { started_ = true; }    // from now on /startupz, and /readyz by its checks
    void set_draining() { draining_ = true; }  // from now on /readyz says no, so that no new requests are sent here

    Readiness readiness() const;  // any thread

    const http::Router& router() const { return router_; }

private:
    Task<http::Response> livez();
    Task<http::Response> readyz(http::Request& request);
    Task<http::Response> startupz();
    Task<http::Response> serve_metrics();

    Metrics& metrics_;
    ProcessMetrics process_metrics_;
    std::vector<Check> checks_;
    std::vector<std::function<void()>> updates_;
    std::atomic<bool> started_ = false;
    std::atomic<bool> draining_ = false;
    http::Router router_;
};

}  // namespace gatehouse::app
