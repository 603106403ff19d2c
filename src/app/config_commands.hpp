// SPDX-License-Identifier: Apache-2.0
// The commands that ask a running server about its configuration. Each gives the exit code.
#pragma once

#include "app/cli.hpp"

namespace gatehouse::app {

int config_reload(const CommandLine& line);
int config_diff(const CommandLine& line);

}  // namespace gatehouse::app
