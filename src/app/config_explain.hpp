// SPDX-License-Identifier: Apache-2.0
// `gatehouse config explain`: what the gateway would do with a request. The running server tells, which knows keys,
// revocations and the state of services; without one the configuration alone does.
#pragma once

#include "app/cli.hpp"
#include "app/config.hpp"
#include "base/json.hpp"

#include <string>

namespace gatehouse::app {

int config_explain(const CommandLine& line);

// What Gateway::explain() says with this configuration and nothing else. Throws http::Problem.
json::object explain_without_server(const Config& config, json::object question);

// For people.
std::string print_explanation(const json::object& explanation);

}  // namespace gatehouse::app
