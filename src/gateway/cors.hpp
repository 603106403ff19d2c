// SPDX-License-Identifier: Apache-2.0
// Cross-origin requests from browsers (the CORS protocol of the Fetch standard): the gateway answers preflights itself,
// before anybody has to log in, and says on every answer of a route who may read it. Made at start, read-only after
// that: any thread.
#pragma once

#include "gateway/config.hpp"
#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

// The method that a preflight asks about; nullopt for any other request.
std::optional<std::string_view> find_preflight_method(const http::RequestHead& head);

class Cors final {
public:
    // `route_methods`: those that the route takes, empty for all.
    Cors(const CorsConfig& config, const std::vector<std::string>& route_methods);

    // 204 with what is allowed, 403 cors_refused for another origin.
    http::Response answer_preflight(const http::Request& request) const;

    // Replaces what the service says about other origins. `origin` is the request's, empty without one.
    void set_fields(http::Headers& headers, std::string_view origin) const;

private:
    bool allows(std::string_view origin) const;

    std::vector<std::string> origins_;
    bool any_origin_;
    bool credentials_;
    std::string methods_;
    std::string headers_;
    std::string expose_;
    std::string max_age_;
};

}  // namespace gatehouse::gateway
