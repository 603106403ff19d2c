// SPDX-License-Identifier: Apache-2.0
// The path that a service sees instead of the one that the client asked for: `strip_prefix` and `rewrite` of a route.
// Made at start, read-only after that: any thread.
#pragma once

#include "gateway/route_pattern.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

class PathRewrite final {
public:
    // `path` is put in the place of the route's own; "{id}" in it stands for the segment of that name, as the client
    // encoded it. What lies below a prefix follows. REQUIRES: find_rewrite_error() found none.
    PathRewrite(const RoutePattern& route, std::string_view path);

    // Rewrites the path of a request's target, in normal form (path.hpp), that the route takes.
    void apply(std::string& target) const;

private:
    struct Piece {
        std::string text;         // put as it is,
        std::size_t segment = 0;  // then this segment of the client's path, counted from 1; 0: none
    };
    std::vector<Piece> pieces_;
    std::size_t segments_;  // of the client's path that are replaced
};

// The names of the parameters of a path: {"id"} of "/orders/{id}".
std::vector<std::string_view> parameters_of(std::string_view path);

}  // namespace gatehouse::gateway
