// SPDX-License-Identifier: Apache-2.0
// `gatehouse migrate`: the command line of migration.hpp.
#pragma once

#include "app/cli.hpp"

namespace gatehouse::app {

// 0; 1 when it failed or something differs; 2 for a bad configuration.
int migrate(const CommandLine& line);

}  // namespace gatehouse::app
