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
    std::string_view path;    // "/files/{id}/content"; "/console/{rest...}" takes all that follows; static storage
    Handler handler;
};

class Router final {
public:
    explicit Router(std::vector<Route> routes);

    // Finds the route, fills request.route and path_parameters and runs the handler. 404 for an unknown path, 405 with
    // Allow for an unknown method. A parameter is one segment, percent-decoded, not empty and without a slash. A
    // literal segment goes before a parameter, and both before a rest, which may be empty; the first that has the
    // method answers. "." and ".." are never matched.
    Task<Response> handle(Request& request) const;

    const std::vector<Route>& routes() const { return routes_; }

private:
    struct Segment {
        enum class Kind { literal, parameter, rest };
        Kind kind = Kind::literal;
        std::string_view text;  // of a literal
        bool operator==(const Segment&) const = default;
    };
    struct Template {
        std::vector<Segment> segments;
        std::string_view path;
        std::vector<std::size_t> routes;  // one for each method
    };
    static Template compile(std::string_view path);
    static bool goes_before(const Template& a, const Template& b);
    static bool match(const Template& candidate, std::string_view path, std::vector<std::string>& parameters);
    const Route* find_method(const Template& matched, std::string_view method) const;
    std::string list_methods(std::string_view path) const;

    std::vector<Route> routes_;
    std::vector<Template> templates_;  // the more exact ones first
};

// A handler that calls the router. REQUIRES: the router outlives it.
Handler make_handler(const Router& router);

}  // namespace gatehouse::http
