// SPDX-License-Identifier: Apache-2.0
// Asks the endpoints of services whether they are healthy, and tells their EndpointSets.
//
// One for the process, on one I/O thread; services may be added from any thread and are let go by themselves.
#pragma once

#include "base/io_threads.hpp"
#include "base/task_group.hpp"
#include "http/client.hpp"
#include "http/endpoint_set.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace gatehouse::http {

class HealthChecks final {
public:
    explicit HealthChecks(PerThread<Client>& clients) : clients_(clients) {}
    HealthChecks(const HealthChecks&) = delete;
    HealthChecks& operator=(const HealthChecks&) = delete;

    // Those without a path to ask for are passed over, and those that are there already.
    void add(const std::shared_ptr<EndpointSet>& endpoints);

    // On an I/O thread, until cancelled.
    Task<void> run();

private:
    struct Service;

    Task<void> watch(TaskGroup& checks);
    void start_due(TaskGroup& checks, const std::shared_ptr<Service>& service);
    Task<void> check(std::shared_ptr<Service> service, std::shared_ptr<EndpointSet> endpoints, std::size_t index);
    std::vector<std::shared_ptr<Service>> services();

    PerThread<Client>& clients_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Service>> services_;
};

}  // namespace gatehouse::http
