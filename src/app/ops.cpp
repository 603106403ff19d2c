// SPDX-License-Identifier: Apache-2.0
#include "app/ops.hpp"

#include <algorithm>

namespace gatehouse::app {

namespace {

http::Response text_response(int status, std::string text)
{
    http::Response response;
    response.status = status;
    response.headers.add("content-type", "text/plain; charset=utf-8");
    response.headers.add("cache-control", "no-store");
    response.body = std::move(text);
    return response;
}

}  // namespace

Ops::Ops(Metrics& metrics)
    : metrics_(metrics), process_metrics_(metrics),
      router_({
          {"GET", "/livez", [this](http::Request&) { return livez(); }},
          {"GET", "/readyz", [this](http::Request& request) { return readyz(request); }},
          {"GET", "/startupz", [this](http::Request&) { return startupz(); }},
          {"GET", "/metrics", [this](http::Request&) { return serve_metrics(); }},
      })
{
}

Readiness Ops::readiness() const
{
    Readiness readiness;
    readiness.checks = {{std::string(Readiness::started), started_, true},
                        {std::string(Readiness::not_stopping), !draining_, true}};
    for (const Check& check : checks_)
        readiness.checks.push_back({check.name, check.passes(), check.required});
    readiness.ready = std::ranges::none_of(
        readiness.checks, [](const Readiness::Check& check) { return check.required && !check.passes; });
    return readiness;
}

// GET /livez: the process answers.
Task<http::Response> Ops::livez() { co_return text_response(200, "ok\n"); }

// GET /readyz: whether requests should be sent here, and what does not work meanwhile; with ?verbose, line by line.
Task<http::Response> Ops::readyz(http::Request& request)
{
    Readiness found = readiness();
    bool verbose = request.query() == "verbose" || request.query().starts_with("verbose=");
    co_return text_response(found.ready ? 200 : 503, verbose ? to_lines(found) : summarize(found) + '\n');
}

// GET /startupz: whether the start is over.
Task<http::Response> Ops::startupz()
{
    bool started = started_;
    co_return text_response(started ? 200 : 503, started ? "started\n" : "starting\n");
}

// GET /metrics: the process's metrics in Prometheus' text format.
Task<http::Response> Ops::serve_metrics()
{
    process_metrics_.update();
    for (const auto& update : updates_)
        update();
    auto response = text_response(200, metrics_.serialize());
    response.headers.set("content-type", "text/plain; version=0.0.4; charset=utf-8");
    co_return response;
}

}  // namespace gatehouse::app
