// SPDX-License-Identifier: Apache-2.0
// `gatehouse health`: what the ops port of a running server says, or whether a gateway serves, for whoever starts and
// watches containers. Asks over HTTP and waits no longer than it is told; the calling thread blocks.
#pragma once

#include "app/cli.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

// What /readyz?verbose says.
struct Readiness {
    struct Check {
        std::string name;
        bool passes = false;
        bool required = true;
    };
    bool ready = false;
    std::vector<Check> checks;  // "started" and "not stopping" among them
};

// nullopt when it is the answer of something else.
std::optional<Readiness> parse_readiness(std::string_view text);

// One line: "ready", "not ready, without files.store".
std::string describe_readiness(const Readiness& readiness);

// The address at which this machine reaches who listens on `listen`: "0.0.0.0:9090" -> "127.0.0.1:9090". nullopt when
// it is no address, or any free port.
std::optional<std::string> address_to_ask(std::string_view listen);

// 0 healthy, 1 not, 2 for bad usage or configuration.
int health(const CommandLine& line);

}  // namespace gatehouse::app
