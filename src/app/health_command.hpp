// SPDX-License-Identifier: Apache-2.0
// `gatehouse health`: what the ops port of a running server says, or whether a gateway serves, for whoever starts and
// watches containers. Asks over HTTP and waits no longer than it is told; the calling thread blocks.
#pragma once

#include "app/cli.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app {

// The address at which this machine reaches who listens on `listen`: "0.0.0.0:9090" -> "127.0.0.1:9090". nullopt when
// it is no address, or any free port.
std::optional<std::string> address_to_ask(std::string_view listen);

// 0 healthy, 1 not, 2 for bad usage or configuration.
int health(const CommandLine& line);

}  // namespace gatehouse::app
