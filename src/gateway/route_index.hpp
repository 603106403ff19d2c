// SPDX-License-Identifier: Apache-2.0
// The routes of one host as a tree of path segments, so that a match looks at the routes of its own path alone, however
// many there are. Built at start, read-only after that: any thread. A match allocates nothing.
#pragma once

#include "gateway/route_pattern.hpp"
#include "http/message.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::gateway {

struct Route;

struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using StringMap = std::unordered_map<std::string, T, TransparentHash, std::equal_to<>>;

// What is asked of a route table. Views into the request.
struct RouteQuestion {
    std::string_view method;
    std::string_view path;                   // in normal form (path.hpp)
    std::string_view host{};                 // as in the Host field
    const http::Headers* headers = nullptr;  // null: routes that ask for header fields do not match
};

class RouteIndex final {
public:
    // `routes` outlive this; none contradict each other.
    explicit RouteIndex(std::vector<const Route*> routes);

    // The first in order (route_pattern.hpp) of those that take it; null for none.
    const Route* find(const RouteQuestion& question) const;

    // Adds those that take it but for its method.
    void find_by_path(const RouteQuestion& question, std::vector<const Route*>& found) const;

private:
    struct Ranked {
        std::size_t rank;
        const Route* route;
    };
    struct Node {
        StringMap<std::unique_ptr<Node>> literals;
        std::unique_ptr<Node> parameter;
        std::vector<Ranked> exact;     // the path ends here
        std::vector<Ranked> prefixes;  // or goes on
    };
    template <class Visit>
    static void walk(const Node& node, std::string_view rest, Visit& visit);

    Node root_;
};

}  // namespace gatehouse::gateway
