// SPDX-License-Identifier: Apache-2.0
// What `config check` says about a route: collected by route_rules.cpp (which requests it takes) and policy_rules.cpp
// (what must be true of them).
#pragma once

#include "gateway/gateway.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::gateway {

class RouteErrors final {
public:
    void add(std::string key, std::string what) { all_.push_back({std::move(key), std::move(what)}); }
    std::vector<RouteError> take() { return std::move(all_); }

    // "hosts[1]"
    static std::string item(std::string_view list, std::size_t index);

private:
    std::vector<RouteError> all_;
};

void check_policies(const RouteConfig& route, RouteErrors& errors);

bool is_method_name(std::string_view text);
bool is_field_name(std::string_view text);
bool is_field_value(std::string_view text);

}  // namespace gatehouse::gateway
