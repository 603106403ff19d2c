// SPDX-License-Identifier: Apache-2.0
// One of the gateway's own endpoints:
//
//   GET /admin/requests/{id}   what was decided about a recent request
//
// Every I/O thread is asked, for each remembers its own.
#pragma once

#include "base/io_threads.hpp"
#include "gateway/recent_requests.hpp"
#include "http/router.hpp"

#include <string>
#include <vector>

namespace gatehouse::gateway {

class RecentFinder final {
public:
    // Both outlive it.
    RecentFinder(IoThreads& threads, PerThread<RecentRequests>& recent);
    RecentFinder(const RecentFinder&) = delete;
    RecentFinder& operator=(const RecentFinder&) = delete;

    // For a router that this object outlives.
    std::vector<http::Route> routes();

private:
    struct Search;

    Task<http::Response> find(http::Request& request);
    void look(std::size_t thread, std::shared_ptr<Search> search);

    IoThreads& threads_;
    PerThread<RecentRequests>& recent_;
};

}  // namespace gatehouse::gateway
