// SPDX-License-Identifier: Apache-2.0
// Answers the gateway's own endpoint:
//
//   GET /admin/requests/{id}   what was decided about a recent request
//
// Every I/O thread is asked, for each remembers its own.
#pragma once

#include "base/io_threads.hpp"
#include "gateway/recent_requests.hpp"
#include "http/router.hpp"
#include "http/upstream.hpp"

#include <string>

namespace gatehouse::gateway {

class RecentFinder final {
public:
    // Both outlive it.
    RecentFinder(IoThreads& threads, PerThread<RecentRequests>& recent);
    RecentFinder(const RecentFinder&) = delete;
    RecentFinder& operator=(const RecentFinder&) = delete;

    http::Upstream& upstream() { return upstream_; }

private:
    struct Search;

    Task<http::Response> find(http::Request& request);
    void look(std::size_t thread, std::shared_ptr<Search> search);

    IoThreads& threads_;
    PerThread<RecentRequests>& recent_;
    http::Router router_;
    http::Upstream upstream_;
};

}  // namespace gatehouse::gateway
