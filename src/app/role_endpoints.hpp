// SPDX-License-Identifier: Apache-2.0
// Where the roles of other processes are, as the HTTP client takes it.
#pragma once

#include "http/url.hpp"

#include <string>
#include <vector>

namespace gatehouse::app {

// REQUIRES: check_config() has nothing to say against them.
inline std::vector<http::Endpoint> endpoints_of(const std::vector<std::string>& urls)
{
    std::vector<http::Endpoint> endpoints;
    endpoints.reserve(urls.size());
    for (const std::string& url : urls)
        endpoints.push_back(*http::parse_endpoint(url));
    return endpoints;
}

}  // namespace gatehouse::app
