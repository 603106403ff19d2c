// SPDX-License-Identifier: Apache-2.0
// `gatehouse serve`: from the configuration to the exit code.
#pragma once

#include "app/application.hpp"
#include "app/cli.hpp"

#include <string>

namespace gatehouse::app {

// Runs until a signal ends it. 0, 1 when it could not start, 2 for a bad configuration.
int serve(const CommandLine& line);

// What is printed after the start.
std::string banner(const StartReport& report);

}  // namespace gatehouse::app
