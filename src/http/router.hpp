// SPDX-License-Identifier: Apache-2.0
// A role's table of routes: method and path template to handler. Built at start, read-only after that: any thread.
#pragma once

#include "http/message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

struct Route {
    std::string_view method;  // "GET" also answers HEAD
    std::string_view path;    // "/files/{id}/content"; static storage
    Handler handler;
};

class Router final {
public:
    explicit Router(std::vector<Route> routes);

    // Finds the route, fills request.route and path_parameters and runs the handler. 404 for an unknown path, 405 with
    // Allow for an unknown method. A parameter is one segment, percent-decoded.
    Task<Response> handle(Request& request) const;

    const std::vector<Route>& routes() const { return routes_; }

private:
    std::vector<Route> routes_;
};

// A handler that calls the router. REQUIRES: the router outlives it.
Handler make_handler(const Router& router);

}  // namespace gatehouse::http
