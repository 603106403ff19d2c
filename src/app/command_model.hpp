// SPDX-License-Identifier: Apache-2.0
// The commands as data: what the help, the man page and the completions of shells are made of. Values, built by
// cli.cpp.
#pragma once

#include <string>
#include <vector>

namespace gatehouse::app {

struct CommandOption {
    std::string short_name;  // "-o", or empty
    std::string long_name;   // "--output"; empty for what has no name but a place
    std::string value;       // "FILE"; empty for a flag
    std::string help;
    bool required = false;
};

struct CommandModel {
    std::string path;  // "gatehouse user add"
    std::string help;
    std::string footer;
    std::vector<CommandOption> options;
    std::vector<CommandOption> places;
    std::vector<CommandModel> commands;

    std::string name() const { return path.substr(path.rfind(' ') + 1); }
};

// The program itself, with all commands that are not hidden.
CommandModel command_model();

std::string man_page(const CommandModel& program);  // roff, for section 1

// The words that a value of this kind can be; empty for anything else. `path` is the command's.
std::vector<std::string> words_for(const std::string& path, const CommandOption& option);

enum class Completed { nothing, files, directories };
Completed completed_as(const CommandOption& option);

std::string bash_completion(const CommandModel& program);
std::string zsh_completion(const CommandModel& program);
std::string fish_completion(const CommandModel& program);

}  // namespace gatehouse::app
