// SPDX-License-Identifier: Apache-2.0
// The commands about the configuration: that of the command line, and that of a running server. Each gives the exit
// code.
#pragma once

#include "app/cli.hpp"
#include "base/json.hpp"

#include <optional>
#include <string>

namespace gatehouse::app {

// What the server in the data directory answers; nullopt when none does. It reads its own sources, so what is wrong
// with those of the command line is not asked. Throws std::runtime_error with the server's sentence when the command
// failed.
std::optional<json::object> find_server_answer(const CommandLine& line, const std::string& name,
                                               const json::object& arguments);

int config_check(const CommandLine& line);
int config_print(const CommandLine& line);
int config_reload(const CommandLine& line);
int config_diff(const CommandLine& line);

}  // namespace gatehouse::app
