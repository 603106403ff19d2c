// SPDX-License-Identifier: Apache-2.0
// The gateway's own endpoints about its routes:
//
//   GET /admin/routes                        every route, in the order in which they are looked at
//   GET /admin/explain?method=&url=&as=      what would be done with a request, and why; nothing is sent
//
// No state of its own; what it is given runs on the I/O thread of the request.
#pragma once

#include "base/json.hpp"
#include "http/router.hpp"

#include <functional>
#include <vector>

namespace gatehouse::gateway {

class RouteEndpoints final {
public:
    using Explain = std::function<Task<json::object>(json::object question)>;
    using List = std::function<json::array()>;
    RouteEndpoints(Explain explain, List list) : explain_(std::move(explain)), list_(std::move(list)) {}

    // For a router that this object outlives.
    std::vector<http::Route> routes();

private:
    Task<http::Response> explain(http::Request& request);
    Task<http::Response> list(http::Request& request);

    Explain explain_;
    List list_;
};

}  // namespace gatehouse::gateway
