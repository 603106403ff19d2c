// SPDX-License-Identifier: Apache-2.0
// The route table against a naive reading of the rules in docs/routes.md, and the form of paths: the first lines of the
// input are routes, the last one is a request.
//
//   P /orders/{id} h.test,*.b.test GET,PUT x-a=1,x-b     P: prefix, E: exact; "-" for an empty list
//   GET /orders/7 h.test x-a=1
#include "base/error.hpp"
#include "gateway/gateway.hpp"
#include "gateway/host.hpp"
#include "gateway/path.hpp"
#include "gateway/route_table.hpp"
#include "pieces.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

using namespace gatehouse;
using namespace gatehouse::gateway;

namespace {

constexpr std::size_t routes_max = 24;

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        std::size_t end = std::min(text.find(separator, begin), text.size());
        parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::vector<std::string> list_of(std::string_view text)
{
    return text == "-" ? std::vector<std::string>{} : split(text, ',');
}

// Segments of a path in normal form, an empty one after a slash at the end; of "/" none.
std::vector<std::string> segments_of(std::string_view path)
{
    return path == "/" ? std::vector<std::string>{} : split(path.substr(1), '/');
}

struct Asked {
    std::string method, path, host;
    http::Headers headers;
};

bool any(const std::string& segment) { return segment.starts_with('{'); }

bool naive_takes(const RouteConfig& route, const Asked& asked)
{
    auto pattern = segments_of(route.path);
    auto path = segments_of(asked.path);
    if (path.size() < pattern.size() || (route.match == PathMatch::exact && path.size() != pattern.size()))
        return false;
    for (std::size_t i = 0; i < pattern.size(); ++i)
        if (path[i].empty() || (!any(pattern[i]) && pattern[i] != path[i]))
            return false;
    bool method = route.methods.empty();
    for (const std::string& listed : route.methods)
        method = method || listed == asked.method || (listed == "GET" && asked.method == "HEAD");
    return method && pattern_of(route).fits(asked.headers);
}

// How well the route's hosts fit: 0 not at all, 1 without a host, then the longer the better, the exact name best.
std::size_t naive_host(const RouteConfig& route, std::string_view host)
{
    if (route.hosts.empty())
        return 1;
    std::size_t best = 0;
    for (const std::string& pattern : pattern_of(route).hosts) {
        if (pattern == host)
            best = 1000;
        else if (pattern.starts_with("*.") && host.size() >= pattern.size() && host.ends_with(pattern.substr(1)))
            best = std::max(best, 1 + pattern.size());
    }
    return best;
}

// True when `a` goes before `b`, for a request that both take.
bool naive_before(const RouteConfig& a, const RouteConfig& b, std::string_view host)
{
    if (naive_host(a, host) != naive_host(b, host))
        return naive_host(a, host) > naive_host(b, host);
    if (a.match != b.match)
        return a.match == PathMatch::exact;
    auto x = segments_of(a.path);
    auto y = segments_of(b.path);
    if (x.size() != y.size())
        return x.size() > y.size();
    for (std::size_t i = 0; i < x.size(); ++i)
        if (any(x[i]) != any(y[i]))
            return any(y[i]);
    if (a.headers.size() != b.headers.size())
        return a.headers.size() > b.headers.size();
    auto values = [](const RouteConfig& route) {
        return std::ranges::count_if(route.headers, [](auto& text) { return text.find('=') != std::string::npos; });
    };
    if (values(a) != values(b))
        return values(a) > values(b);
    return !a.methods.empty() && b.methods.empty();
}

std::optional<RouteConfig> read_route(const std::string& line)
{
    std::istringstream words(line);
    std::string kind, path, hosts, methods, headers;
    words >> kind >> path >> hosts >> methods >> headers;
    if ((kind != "P" && kind != "E") || headers.empty())
        return std::nullopt;
    RouteConfig route;
    route.path = path;
    route.match = kind == "E" ? PathMatch::exact : PathMatch::prefix;
    route.hosts = list_of(hosts);
    route.methods = list_of(methods);
    route.headers = list_of(headers);
    route.permission = line;
    route.forward_auth = true;  // any path
    return find_route_errors(route, Config{}).empty() ? std::optional(route) : std::nullopt;
}

void check_match(const Config& config, const Asked& asked)
{
    RouteTable table(config);
    HostBuffer buffer;
    std::string_view host = normalize_host(asked.host, buffer);
    const RouteConfig* expected = nullptr;
    for (const RouteConfig& route : config.routes)
        if (naive_host(route, host) != 0 && naive_takes(route, asked) &&
            (!expected || naive_before(route, *expected, host)))
            expected = &route;
    const Route* found = table.match({asked.method, asked.path, asked.host, &asked.headers}).route;
    GH_ASSERT((found != nullptr) == (expected != nullptr));
    if (found)
        GH_ASSERT(found->permission == expected->permission);
}

void check_path(std::string_view path)
{
    auto normal = normalize_path(path);
    if (is_normal_path(path))
        GH_ASSERT(normal == path);
    if (!normal)
        return;
    GH_ASSERT(normalize_path(*normal) == normal);
    GH_ASSERT((*normal + '/').find("/../") == std::string::npos && (*normal + '/').find("/./") == std::string::npos);
    GH_ASSERT(normal->find("//") == std::string::npos && normal->find(';') == std::string::npos);
    for (const char* bad : {"%2F", "%5C", "%3B", "%00", "%0A", "%2E", "%C0"})
        GH_ASSERT(normal->find(bad) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    auto input = fuzz::to_text(data, size);
    Config config;
    Asked asked;
    std::istringstream lines{std::string(input)};
    std::string line, last;
    while (std::getline(lines, line)) {
        last = line;
        auto route = read_route(line);
        if (!route || config.routes.size() == routes_max)
            continue;
        if (std::ranges::none_of(config.routes, [&](auto& other) { return routes_contradict(*route, other); }))
            config.routes.push_back(std::move(*route));
    }
    std::istringstream words(last);
    std::string path, fields;
    words >> asked.method >> path >> asked.host >> fields;
    check_path(path);
    auto normal = normalize_path(path);
    if (!normal)
        return 0;
    asked.path = *normal;
    for (const std::string& text : list_of(fields)) {
        FieldPattern field = parse_field_pattern(text);
        asked.headers.add(field.name, field.value.value_or(""));
    }
    check_match(config, asked);
    return 0;
}
