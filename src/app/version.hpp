// SPDX-License-Identifier: Apache-2.0
// Which program this is: its version, and the commit and compiler that it was built from. The same commit, compiler and
// kind of build say the same, wherever and whenever they are built.
#pragma once

#include "app/cli.hpp"

namespace gatehouse::app {

// `gatehouse version`
int print_version(const CommandLine& line);

}  // namespace gatehouse::app
