// SPDX-License-Identifier: Apache-2.0
// The pages of the repository that the program itself can write best; tools/update_golden puts them in place.
#pragma once

#include "app/cli.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app {

// "configuration": docs/configuration.md, "problems": docs/problems.md, "help": tests/golden/help.txt.
std::optional<std::string> describe_topic(std::string_view topic);

// The commands that print them. Each gives the exit code.
int describe(const CommandLine& line);
int print_completion(const CommandLine& line);
int print_man_page(const CommandLine& line);

}  // namespace gatehouse::app
