// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include "base/error.hpp"
#include "http/problem.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::http {

namespace {

// A decoded piece of a path that may be given to a handler: a slash in it could climb out of where it is put, and so
// could the two names with dots.
bool is_plain(const std::optional<std::string>& segment)
{
    return segment && segment->find('/') == std::string::npos && *segment != "." && *segment != "..";
}

// The rest of a path, decoded segment by segment.
std::optional<std::string> decode_rest(std::string_view rest)
{
    std::string decoded;
    for (std::size_t begin = 0; begin <= rest.size();) {
        auto end = std::min(rest.find('/', begin), rest.size());
        auto segment = percent_decode(rest.substr(begin, end - begin));
        bool last = end == rest.size();
        if (!is_plain(segment) || (segment->empty() && !last))
            return std::nullopt;
        decoded += *segment;
        if (!last)
            decoded += '/';
        begin = end + 1;
    }
    return decoded;
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes))
{
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        const Route& route = routes_[i];
        GH_ASSERT(!route.method.empty() && route.handler);
        auto found = std::ranges::find(templates_, route.path, &Template::path);
        if (found == templates_.end()) {
            Template compiled = compile(route.path);
            // Two spellings of one template would hide each other.
            GH_ASSERT(std::ranges::find(templates_, compiled.segments, &Template::segments) == templates_.end());
            found = templates_.insert(templates_.end(), std::move(compiled));
        }
        for (std::size_t other : found->routes)
            GH_ASSERT(routes_[other].method != route.method);
        found->routes.push_back(i);
    }
    std::ranges::sort(templates_, goes_before);
}

Router::Template Router::compile(std::string_view path)
{
    GH_ASSERT(path.starts_with('/'));
    Template compiled;
    compiled.path = path;
    for (auto rest = path.substr(1); true;) {
        auto slash = std::min(rest.find('/'), rest.size());
        Segment segment{Segment::Kind::literal, rest.substr(0, slash)};
        if (segment.text.starts_with('{')) {
            GH_ASSERT(segment.text.ends_with('}'));
            bool takes_rest = segment.text.ends_with("...}");
            GH_ASSERT(!takes_rest || slash == rest.size());  // only at the end
            segment = {takes_rest ? Segment::Kind::rest : Segment::Kind::parameter, {}};
        }
        compiled.segments.push_back(segment);
        if (slash == rest.size())
            return compiled;
        rest.remove_prefix(slash + 1);
    }
}

bool Router::goes_before(const Template& a, const Template& b)
{
    for (std::size_t i = 0; i < std::min(a.segments.size(), b.segments.size()); ++i)
        if (a.segments[i].kind != b.segments[i].kind)
            return a.segments[i].kind < b.segments[i].kind;
    return a.segments.size() > b.segments.size();
}

bool Router::match(const Template& candidate, std::string_view path, std::vector<std::string>& parameters)
{
    parameters.clear();
    auto rest = path.substr(1);
    for (std::size_t i = 0; i < candidate.segments.size(); ++i) {
        const Segment& segment = candidate.segments[i];
        if (segment.kind == Segment::Kind::rest) {
            auto decoded = decode_rest(rest);
            if (!decoded)
                return false;
            parameters.push_back(std::move(*decoded));
            return true;
        }
        auto slash = std::min(rest.find('/'), rest.size());
        auto piece = rest.substr(0, slash);
        if (segment.kind == Segment::Kind::literal) {
            if (piece != segment.text)
                return false;
        } else {
            auto decoded = percent_decode(piece);
            if (!is_plain(decoded) || decoded->empty())
                return false;
            parameters.push_back(std::move(*decoded));
        }
        bool path_ends = slash == rest.size();
        bool template_ends = i + 1 == candidate.segments.size();
        if (path_ends || template_ends)
            return path_ends && template_ends;
        rest.remove_prefix(slash + 1);
    }
    return false;
}

const Route* Router::find_method(const Template& matched, std::string_view method) const
{
    const Route* get = nullptr;
    for (std::size_t index : matched.routes) {
        if (routes_[index].method == method)
            return &routes_[index];
        if (routes_[index].method == "GET")
            get = &routes_[index];
    }
    return method == "HEAD" ? get : nullptr;
}

// What a 405 for `path` allows.
std::string Router::list_methods(std::string_view path) const
{
    std::vector<std::string_view> methods;
    std::vector<std::string> unused;
    for (const Template& candidate : templates_) {
        if (!match(candidate, path, unused))
            continue;
        for (std::size_t index : candidate.routes) {
            methods.push_back(routes_[index].method);
            if (routes_[index].method == "GET")
                methods.push_back("HEAD");
        }
    }
    std::ranges::sort(methods);
    methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
    return fmt::format("{}", fmt::join(methods, ", "));
}

Task<Response> Router::handle(Request& request) const
{
    auto path = request.path();
    bool matched = false;
    if (path.starts_with('/')) {
        for (const Template& candidate : templates_) {
            if (!match(candidate, path, request.path_parameters))
                continue;
            if (!matched)
                request.route = candidate.path;
            matched = true;
            if (const Route* route = find_method(candidate, request.head.method); route != nullptr) {
                request.route = candidate.path;
                co_return co_await route->handler(request);
            }
        }
    }
    request.path_parameters.clear();
    if (matched)
        co_return Problem::method_not_allowed(list_methods(path));
    co_return Problem::not_found("not_found", "There is nothing at this path.");
}

Handler make_handler(const Router& router)
{
    return [&router](Request& request) { return router.handle(request); };
}

}  // namespace gatehouse::http
