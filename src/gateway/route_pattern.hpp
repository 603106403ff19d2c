// SPDX-License-Identifier: Apache-2.0
// What a route takes, as one value: hosts, path, methods and header fields; and which of two routes goes first. Built
// at start, read-only after that: any thread.
//
// The order, of the routes that take a request: an exact host goes before a wildcard, a longer wildcard before a
// shorter one, both before no host. An exact path goes before a prefix, a longer prefix before a shorter one; at the
// first segment that differs a literal goes before a parameter. Then more header fields go before fewer, those with a
// value before those without, and named methods before all methods. What is equal in all of this must not overlap:
// contradict() finds it and the configuration is refused.
#pragma once

#include "gateway/config.hpp"
#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

struct FieldPattern {
    std::string name;                  // lower case
    std::optional<std::string> value;  // nullopt: any
    bool operator==(const FieldPattern&) const = default;
};

struct RoutePattern {
    std::vector<std::string> hosts;     // in the form of normalize_host(), or "*." and that; empty: any
    std::vector<std::string> segments;  // "{...}" stands for any one segment
    bool prefix = false;                // more segments may follow
    std::vector<std::string> methods;   // empty: all; "GET" takes HEAD too
    std::vector<FieldPattern> fields;

    bool takes(std::string_view method) const;
    bool fits(const http::Headers& headers) const;
};

RoutePattern pattern_of(const RouteConfig& entry);

// "name=value" or "name".
FieldPattern parse_field_pattern(std::string_view text);

// The template, for logs and metrics: "/orders/{id}", "/orders/*", "shop.example.com/orders/*".
std::string name_of(const RoutePattern& pattern);

// Of two routes for the same host. A strict weak order; equal ones overlap or have nothing in common.
bool goes_before(const RoutePattern& a, const RoutePattern& b);

// True when a request could be taken by both and neither goes first.
bool contradict(const RoutePattern& a, const RoutePattern& b);

bool is_parameter(std::string_view segment);

// Segments of "/a/b"; "/" has none, and a trailing slash adds none.
std::vector<std::string> split_path(std::string_view path);

}  // namespace gatehouse::gateway
