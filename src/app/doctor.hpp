// SPDX-License-Identifier: Apache-2.0
// `gatehouse doctor`: looks at everything that the program depends on, and says what is wrong and what to do about it.
// Changes nothing, and works beside a running server as well as without one.
#pragma once

#include "app/cli.hpp"

namespace gatehouse::app {

// 0 when nothing failed, 1 when something did, 2 for a bad configuration.
int doctor(const CommandLine& line);

}  // namespace gatehouse::app
