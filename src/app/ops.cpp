// SPDX-License-Identifier: Apache-2.0
#include "app/ops.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

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

Ops::Report Ops::report() const
{
    Report report{.started = started_, .draining = draining_, .ready = started_ && !draining_, .outcomes = {}};
    for (const Check& check : checks_) {
        bool passes = check.passes();
        report.ready = report.ready && (passes || !check.required);
        report.outcomes.push_back({check.name, passes, check.required});
    }
    return report;
}

// GET /livez: the process answers.
Task<http::Response> Ops::livez() { co_return text_response(200, "ok\n"); }

// GET /readyz: whether requests should be sent here, and what does not work meanwhile; with ?verbose, line by line.
Task<http::Response> Ops::readyz(http::Request& request)
{
    Report found = report();
    std::string lines =
        fmt::format("{} started\n{} not stopping\n", found.started ? "ok  " : "FAIL", found.draining ? "FAIL" : "ok  ");
    std::vector<std::string_view> failing;
    for (const Outcome& outcome : found.outcomes) {
        if (!outcome.passes)
            failing.push_back(outcome.name);
        std::string_view mark = outcome.passes ? "ok  " : outcome.required ? "FAIL" : "warn";
        fmt::format_to(std::back_inserter(lines), "{} {}\n", mark, outcome.name);
    }
    std::string summary = found.ready ? "ready" : "not ready";
    if (!failing.empty())
        summary += fmt::format(", without {}", fmt::join(failing, ", "));
    summary += '\n';
    bool verbose = request.query() == "verbose" || request.query().starts_with("verbose=");
    co_return text_response(found.ready ? 200 : 503, verbose ? lines.append(summary) : summary);
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
