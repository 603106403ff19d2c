// SPDX-License-Identifier: Apache-2.0
#include "http/health_checks.hpp"

#include "base/random.hpp"
#include "base/waker.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstring>

namespace gatehouse::http {

namespace {

constexpr std::chrono::milliseconds look_interval{50};
constexpr std::size_t checks_max = 256;  // at once

// Between nine and eleven tenths of the interval: the checks of many gateways do not come together.
std::chrono::milliseconds with_jitter(std::chrono::milliseconds interval)
{
    std::uint32_t random = 0;
    std::memcpy(&random, random_bytes(sizeof random).data(), sizeof random);
    return interval * 9 / 10 + interval * (random % 1024) / 1024 / 5;
}

}  // namespace

struct HealthChecks::Service {
    explicit Service(const std::shared_ptr<EndpointSet>& set) : endpoints(set), times(set->size()) {}

    std::weak_ptr<EndpointSet> endpoints;
    struct Times {
        SteadyTime due;  // at once, at first
        bool running = false;
    };
    std::vector<Times> times;
};

void HealthChecks::add(const std::shared_ptr<EndpointSet>& endpoints)
{
    if (endpoints->options().health.path.empty())
        return;
    std::scoped_lock lock(mutex_);
    std::erase_if(services_, [](const auto& service) { return service->endpoints.expired(); });
    bool known =
        std::ranges::any_of(services_, [&](const auto& service) { return service->endpoints.lock() == endpoints; });
    if (!known)
        services_.push_back(std::make_shared<Service>(endpoints));
}

std::vector<std::shared_ptr<HealthChecks::Service>> HealthChecks::services()
{
    std::scoped_lock lock(mutex_);
    return services_;
}

Task<void> HealthChecks::run()
{
    TaskGroup checks(co_await asio::this_coro::executor, "http", checks_max);
    co_await watch(checks);
    // The cancellation has ended the watch; the checks under way are waited for all the same.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await checks.stop(std::chrono::milliseconds{0});
}

Task<void> HealthChecks::watch(TaskGroup& checks)
{
    for (;;) {
        for (const auto& service : services())
            start_due(checks, service);
        co_await pause(look_interval);
        auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return;
    }
}

void HealthChecks::start_due(TaskGroup& checks, const std::shared_ptr<Service>& service)
{
    auto endpoints = service->endpoints.lock();
    if (!endpoints)
        return;
    SteadyTime now = coarse_now();
    for (std::size_t i = 0; i < service->times.size(); ++i) {
        Service::Times& times = service->times[i];
        if (times.running || times.due > now)
            continue;
        times.running = true;
        times.due = now + with_jitter(endpoints->options().health.interval);
        if (!checks.spawn(check(service, endpoints, i)))
            times.running = false;
    }
}

Task<void> HealthChecks::check(std::shared_ptr<Service> service, std::shared_ptr<EndpointSet> endpoints,
                               std::size_t index)
{
    const HealthOptions& options = endpoints->options().health;
    SendLimits limits{.connect = options.timeout,
                      .first_byte = options.timeout,
                      .idle = options.timeout,
                      .tunnel_idle = options.timeout,
                      .end = coarse_now() + options.timeout};
    StringBody nothing;
    Request request;
    request.head.method = "GET";
    request.head.target = options.path;
    request.head.headers.set("user-agent", "gatehouse-health");
    request.body = &nothing;
    std::string cause;
    try {
        Response response =
            co_await clients_.local().send(endpoints->endpoint(index), endpoints->authority(index), request, limits);
        if (response.status != static_cast<int>(options.status))
            cause = "answered " + std::to_string(response.status);
    } catch (const std::exception& error) {
        cause = error.what();
    }
    service->times[index].running = false;
    endpoints->checked(index, cause.empty(), cause, coarse_now());
}

}  // namespace gatehouse::http
