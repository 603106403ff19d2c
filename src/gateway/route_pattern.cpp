// SPDX-License-Identifier: Apache-2.0
#include "gateway/route_pattern.hpp"

#include "gateway/host.hpp"
#include "http/tokens.hpp"

#include <algorithm>

namespace gatehouse::gateway {

namespace {

bool method_takes(std::string_view listed, std::string_view method)
{
    return listed == method || (listed == "GET" && method == "HEAD");
}

bool same_shape(const std::vector<std::string>& a, const std::vector<std::string>& b)
{
    return std::ranges::equal(
        a, b, [](const std::string& x, const std::string& y) { return is_parameter(x) ? is_parameter(y) : x == y; });
}

std::size_t values_in(const RoutePattern& pattern)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(pattern.fields, [](const FieldPattern& field) { return field.value.has_value(); }));
}

// No request has both: some field must have two values.
bool exclusive(const RoutePattern& a, const RoutePattern& b)
{
    for (const FieldPattern& x : a.fields)
        for (const FieldPattern& y : b.fields)
            if (x.name == y.name && x.value && y.value && *x.value != *y.value)
                return true;
    return false;
}

bool share_host(const RoutePattern& a, const RoutePattern& b)
{
    if (a.hosts.empty() || b.hosts.empty())
        return a.hosts.empty() && b.hosts.empty();
    return std::ranges::find_first_of(a.hosts, b.hosts) != a.hosts.end();
}

bool share_method(const RoutePattern& a, const RoutePattern& b)
{
    if (a.methods.empty() || b.methods.empty())
        return a.methods.empty() && b.methods.empty();
    return std::ranges::any_of(a.methods, [&](const std::string& method) { return b.takes(method); }) ||
           std::ranges::any_of(b.methods, [&](const std::string& method) { return a.takes(method); });
}

}  // namespace

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

std::vector<std::string> split_path(std::string_view path)
{
    std::vector<std::string> segments;
    path.remove_prefix(1);
    while (!path.empty()) {
        std::size_t end = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return segments;
}

FieldPattern parse_field_pattern(std::string_view text)
{
    FieldPattern field;
    std::size_t equals = std::min(text.find('='), text.size());
    for (char c : http::tokens::trim(text.substr(0, equals)))
        field.name += http::tokens::lower(c);
    if (equals < text.size())
        field.value = http::tokens::trim(text.substr(equals + 1));
    return field;
}

RoutePattern pattern_of(const RouteConfig& entry)
{
    RoutePattern pattern;
    for (const std::string& host : entry.hosts) {
        HostBuffer buffer;
        bool wildcard = host.starts_with("*.");
        std::string_view name = normalize_host(std::string_view(host).substr(wildcard ? 2 : 0), buffer);
        pattern.hosts.push_back((wildcard ? "*." : "") + std::string(name));
    }
    if (!entry.path.empty())
        pattern.segments = split_path(entry.path);
    pattern.prefix = entry.match == PathMatch::prefix;
    pattern.methods = entry.methods;
    for (const std::string& text : entry.headers)
        pattern.fields.push_back(parse_field_pattern(text));
    return pattern;
}

bool RoutePattern::takes(std::string_view method) const
{
    if (methods.empty())
        return true;
    for (const std::string& listed : methods)
        if (method_takes(listed, method))
            return true;
    return false;
}

bool RoutePattern::fits(const http::Headers& headers) const
{
    for (const FieldPattern& pattern : fields) {
        // A field that stands twice is read by some services as the first, by others as the last: neither counts.
        if (headers.count(pattern.name) != 1 || (pattern.value && headers.find(pattern.name) != *pattern.value))
            return false;
    }
    return true;
}

std::string name_of(const RoutePattern& pattern)
{
    std::string name;
    if (!pattern.hosts.empty())
        name = pattern.hosts.front();
    for (const std::string& segment : pattern.segments)
        name.append("/").append(segment);
    if (pattern.prefix)
        name += "/*";
    else if (pattern.segments.empty())
        name += '/';
    return name;
}

bool goes_before(const RoutePattern& a, const RoutePattern& b)
{
    if (a.prefix != b.prefix)
        return b.prefix;
    if (a.segments.size() != b.segments.size())
        return a.segments.size() > b.segments.size();
    for (std::size_t i = 0; i < a.segments.size(); ++i) {
        bool a_any = is_parameter(a.segments[i]);
        bool b_any = is_parameter(b.segments[i]);
        if (a_any != b_any)
            return b_any;
        if (!a_any && a.segments[i] != b.segments[i])
            return a.segments[i] < b.segments[i];
    }
    if (a.fields.size() != b.fields.size())
        return a.fields.size() > b.fields.size();
    if (values_in(a) != values_in(b))
        return values_in(a) > values_in(b);
    return !a.methods.empty() && b.methods.empty();
}

bool contradict(const RoutePattern& a, const RoutePattern& b)
{
    return share_host(a, b) && a.prefix == b.prefix && same_shape(a.segments, b.segments) &&
           a.fields.size() == b.fields.size() && values_in(a) == values_in(b) && !exclusive(a, b) && share_method(a, b);
}

}  // namespace gatehouse::gateway
