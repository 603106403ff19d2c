// SPDX-License-Identifier: Apache-2.0
// What /readyz says of a process, as data and as text: the ops port writes it, `gatehouse health` reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

struct Readiness {
    // What the process must be past, and before, to be ready.
    static constexpr std::string_view started = "started";
    static constexpr std::string_view not_stopping = "not stopping";

    struct Check {
        std::string name;  // printable ASCII
        bool passes = false;
        bool required = true;  // false: without it the process still does what it is asked, only later

        bool of_phase() const { return name == started || name == not_stopping; }
    };
    bool ready = false;
    std::vector<Check> checks;
};

// One line: "ready", "not ready, without files.store", "not ready: it is starting".
std::string summarize(const Readiness& readiness);

// A line for each check, and the summary as the last.
std::string to_lines(const Readiness& readiness);

// The reverse. nullopt when it is the answer of something else.
std::optional<Readiness> parse_readiness(std::string_view lines);

}  // namespace gatehouse::app
