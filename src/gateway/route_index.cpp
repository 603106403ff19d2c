// SPDX-License-Identifier: Apache-2.0
#include "gateway/route_index.hpp"

#include "gateway/route_table.hpp"

#include <algorithm>
#include <limits>

namespace gatehouse::gateway {

namespace {

bool fits(const Route& route, const RouteQuestion& question)
{
    return route.fields.empty() || (question.headers && route.RoutePattern::fits(*question.headers));
}

}  // namespace

RouteIndex::RouteIndex(std::vector<const Route*> routes)
{
    std::ranges::sort(routes, [](const Route* a, const Route* b) { return goes_before(*a, *b); });
    for (std::size_t rank = 0; rank < routes.size(); ++rank) {
        Node* node = &root_;
        for (const std::string& segment : routes[rank]->segments) {
            auto& next = is_parameter(segment) ? node->parameter : node->literals[segment];
            if (!next)
                next = std::make_unique<Node>();
            node = next.get();
        }
        (routes[rank]->prefix ? node->prefixes : node->exact).push_back({rank, routes[rank]});
    }
}

// Visits the lists of all routes whose path fits. `rest` is empty or begins with '/'. The depth is bounded by the tree.
template <class Visit>
void RouteIndex::walk(const Node& node, std::string_view rest, Visit& visit)
{
    if (!node.prefixes.empty())
        visit(node.prefixes);
    if (rest.empty()) {
        if (!node.exact.empty())
            visit(node.exact);
        return;
    }
    std::size_t end = std::min(rest.find('/', 1), rest.size());
    std::string_view segment = rest.substr(1, end - 1);
    // "/files/" is not "/files": the roles' routers would not take it either.
    if (segment.empty())
        return;
    if (!node.literals.empty()) {
        auto literal = node.literals.find(segment);
        if (literal != node.literals.end())
            walk(*literal->second, rest.substr(end), visit);
    }
    if (node.parameter)
        walk(*node.parameter, rest.substr(end), visit);
}

const Route* RouteIndex::find(const RouteQuestion& question) const
{
    const Route* best = nullptr;
    std::size_t best_rank = std::numeric_limits<std::size_t>::max();
    auto visit = [&](const std::vector<Ranked>& candidates) {
        for (const Ranked& candidate : candidates) {
            if (candidate.rank > best_rank)
                return;
            if (candidate.route->takes(question.method) && fits(*candidate.route, question)) {
                best = candidate.route;
                best_rank = candidate.rank;
                return;
            }
        }
    };
    walk(root_, question.path == "/" ? std::string_view() : question.path, visit);
    return best;
}

void RouteIndex::find_by_path(const RouteQuestion& question, std::vector<const Route*>& found) const
{
    auto visit = [&](const std::vector<Ranked>& candidates) {
        for (const Ranked& candidate : candidates)
            if (fits(*candidate.route, question))
                found.push_back(candidate.route);
    };
    walk(root_, question.path == "/" ? std::string_view() : question.path, visit);
}

}  // namespace gatehouse::gateway
