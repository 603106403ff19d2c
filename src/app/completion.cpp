// SPDX-License-Identifier: Apache-2.0
#include "app/command_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>

namespace gatehouse::app {

namespace {

// Every command, the program itself first.
void for_each(const CommandModel& command, const std::function<void(const CommandModel&)>& visit)
{
    visit(command);
    for (const CommandModel& below : command.commands)
        for_each(below, visit);
}

// Without the program's own name: "user add".
std::string below_program(const CommandModel& command)
{
    auto space = command.path.find(' ');
    return space == std::string::npos ? "" : command.path.substr(space + 1);
}

std::vector<std::string> names_of(const CommandOption& option)
{
    std::vector<std::string> names;
    for (const std::string& name : {option.short_name, option.long_name})
        if (!name.empty())
            names.push_back(name);
    return names;
}

// In single quotes of a shell, which know no escapes but their own end.
std::string quoted(std::string text, std::string_view quote = "'\\''")
{
    for (auto at = text.find('\''); at != std::string::npos; at = text.find('\'', at + quote.size()))
        text.replace(at, 1, quote);
    return "'" + text + "'";
}

// The descriptions of _arguments end at brackets and colons that are not escaped.
std::string zsh_escape(std::string_view text)
{
    std::string out;
    for (char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\')
            out += '\\';
        out += c;
    }
    return out;
}

std::string bash_value(const CommandModel& command, const CommandOption& option)
{
    auto words = words_for(command.path, option);
    if (!words.empty())
        return fmt::format("_gatehouse_words '{}'", fmt::join(words, " "));
    switch (completed_as(option)) {
    case Completed::files: return "_gatehouse_paths -f";
    case Completed::directories: return "_gatehouse_paths -d";
    case Completed::nothing: break;
    }
    return ":";
}

std::string bash_places(const CommandModel& command)
{
    return command.places.empty() ? ":" : bash_value(command, command.places.front());
}

std::string zsh_action(const CommandModel& command, const CommandOption& option)
{
    auto words = words_for(command.path, option);
    if (!words.empty())
        return fmt::format("({})", fmt::join(words, " "));
    switch (completed_as(option)) {
    case Completed::files: return "_files";
    case Completed::directories: return "_files -/";
    case Completed::nothing: break;
    }
    return " ";
}

std::string label_of(const CommandOption& option) { return option.value.substr(0, option.value.find("...")); }

void append_zsh_command(std::string& out, const CommandModel& command)
{
    if (!command.commands.empty()) {
        fmt::format_to(std::back_inserter(out), "    ({})\n      commands=(\n", quoted(below_program(command)));
        for (const CommandModel& below : command.commands)
            fmt::format_to(std::back_inserter(out), "        {}\n",
                           quoted(zsh_escape(below.name()) + ":" + zsh_escape(below.help)));
        out += "      )\n      _describe command commands\n      ;;\n";
        return;
    }
    fmt::format_to(std::back_inserter(out), "    ({})\n      _arguments -S", quoted(below_program(command)));
    for (const CommandOption& option : command.options)
        for (const std::string& name : names_of(option)) {
            std::string spec = fmt::format("*{}[{}]", name, zsh_escape(option.help));
            if (!option.value.empty())
                spec += fmt::format(":{}:{}", zsh_escape(label_of(option)), zsh_action(command, option));
            out += " \\\n        " + quoted(spec);
        }
    for (const CommandOption& place : command.places) {
        bool many = place.value.contains("...");
        out += " \\\n        " + quoted(fmt::format("{}:{}:{}", many ? "*" : "", zsh_escape(label_of(place)),
                                                    zsh_action(command, place)));
    }
    out += "\n      ;;\n";
}

std::string fish_quoted(std::string_view text)
{
    std::string out = "'";
    for (char c : text) {
        if (c == '\'' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + "'";
}

std::string fish_arguments(const CommandModel& command, const CommandOption& option)
{
    auto words = words_for(command.path, option);
    if (!words.empty())
        return fmt::format(" -x -a {}", fish_quoted(fmt::format("{}", fmt::join(words, " "))));
    switch (completed_as(option)) {
    case Completed::files: return " -r -F";
    case Completed::directories: return " -x -a '(__fish_complete_directories)'";
    case Completed::nothing: break;
    }
    return " -x";
}

void append_fish_command(std::string& out, const CommandModel& command)
{
    std::string begin = fmt::format("complete -c gatehouse -n {}",
                                    fish_quoted(fmt::format("__gatehouse_at {}", fish_quoted(below_program(command)))));
    for (const CommandModel& below : command.commands)
        fmt::format_to(std::back_inserter(out), "{} -a {} -d {}\n", begin, fish_quoted(below.name()),
                       fish_quoted(below.help));
    for (const CommandOption& option : command.options) {
        std::string names;
        if (!option.short_name.empty())
            names += " -s " + option.short_name.substr(1);
        names += " -l " + option.long_name.substr(2);
        fmt::format_to(std::back_inserter(out), "{}{}{} -d {}\n", begin, names,
                       option.value.empty() ? "" : fish_arguments(command, option), fish_quoted(option.help));
    }
    if (command.places.empty())
        return;
    auto words = words_for(command.path, command.places.front());
    if (!words.empty())
        fmt::format_to(std::back_inserter(out), "{} -a {}\n", begin,
                       fish_quoted(fmt::format("{}", fmt::join(words, " "))));
    else if (completed_as(command.places.front()) == Completed::files)
        fmt::format_to(std::back_inserter(out), "{} -F\n", begin);
}

constexpr std::string_view bash_head = R"(# bash completion of gatehouse: made by `gatehouse completion bash`.
_gatehouse_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_gatehouse_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}
_gatehouse() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${COMP_WORDS[i]}" in
      )";

constexpr std::string_view zsh_head = R"(#compdef gatehouse
# zsh completion of gatehouse: made by `gatehouse completion zsh`.
_gatehouse() {
  local command='' i at=1
  local -a commands
  for ((i = 2; i < CURRENT; i++)); do
    case "$command $words[i]" in
      ()";

constexpr std::string_view fish_head = R"(# fish completion of gatehouse: made by `gatehouse completion fish`.
function __gatehouse_command
    set -l path ''
    for word in (commandline -opc)[2..-1]
        switch "$path $word"
            case )";

// The commands as the patterns of a case: " user" and "user add", with `before` each and `between` them.
std::string patterns(const CommandModel& program, std::string_view between, std::string (*quote)(const std::string&))
{
    std::vector<std::string> all;
    for_each(program, [&](const CommandModel& command) {
        std::string path = below_program(command);
        if (!path.empty())
            all.push_back(quote(path.contains(' ') ? path : " " + path));
    });
    return fmt::format("{}", fmt::join(all, between));
}

}  // namespace

std::vector<std::string> words_for(const std::string& path, const CommandOption& option)
{
    // The roles of a process; those of a user have names of their own.
    if (option.long_name == "--role" && !path.contains(" user"))
        return {"gateway", "auth", "files", "worker", "notifier", "all"};
    if (option.value == "SHELL")
        return {"bash", "zsh", "fish"};
    if (option.value == "PROBE")
        return {"ready", "live", "started"};
    if (option.value == "METHOD")
        return {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    return {};
}

Completed completed_as(const CommandOption& option)
{
    if (option.value.starts_with("FILE"))
        return Completed::files;
    return option.value == "DIR" ? Completed::directories : Completed::nothing;
}

std::string bash_completion(const CommandModel& program)
{
    auto quote = [](const std::string& text) { return "'" + text + "'"; };
    std::string out(bash_head);
    out += patterns(program, " | ", quote) + ")\n        command=\"${command:+$command }${COMP_WORDS[i]}\" ;;\n"
                                             "    esac\n  done\n";
    out += "  case \"$command:$previous\" in\n";
    for_each(program, [&](const CommandModel& command) {
        for (const CommandOption& option : command.options)
            for (const std::string& name : names_of(option))
                if (!option.value.empty())
                    fmt::format_to(std::back_inserter(out), "    '{}:{}') {}; return ;;\n", below_program(command),
                                   name, bash_value(command, option));
    });
    out += "  esac\n  case \"$command\" in\n";
    for_each(program, [&](const CommandModel& command) {
        std::vector<std::string> words;
        for (const CommandModel& below : command.commands)
            words.push_back(below.name());
        std::vector<std::string> options{"--help"};
        for (const CommandOption& option : command.options)
            options.push_back(option.long_name);
        fmt::format_to(
            std::back_inserter(out), "    '{}') if [[ $cur == -* ]]; then _gatehouse_words '{}'; else {}; fi ;;\n",
            below_program(command), fmt::join(options, " "),
            words.empty() ? bash_places(command) : fmt::format("_gatehouse_words '{}'", fmt::join(words, " ")));
    });
    return out + "  esac\n}\ncomplete -F _gatehouse gatehouse\n";
}

std::string zsh_completion(const CommandModel& program)
{
    std::string out(zsh_head);
    out += patterns(program, "|", [](const std::string& text) { return "'" + text + "'"; });
    out += ")\n        command=\"${command:+$command }$words[i]\"\n        at=$i\n        ;;\n    esac\n  done\n"
           "  words=(\"$words[1]\" \"${(@)words[at+1,-1]}\")\n  ((CURRENT -= at - 1))\n  case \"$command\" in\n";
    for_each(program, [&](const CommandModel& command) { append_zsh_command(out, command); });
    return out + "  esac\n}\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n  _gatehouse \"$@\"\nelse\n"
                 "  compdef _gatehouse gatehouse\nfi\n";
}

std::string fish_completion(const CommandModel& program)
{
    std::string out(fish_head);
    out += patterns(program, " ", [](const std::string& text) { return "'" + text + "'"; });
    out += "\n                set path (string trim -- \"$path $word\")\n        end\n    end\n    echo $path\nend\n"
           "function __gatehouse_at\n    test (__gatehouse_command) = \"$argv[1]\"\nend\n"
           "complete -c gatehouse -f\n";
    for_each(program, [&](const CommandModel& command) { append_fish_command(out, command); });
    return out;
}

}  // namespace gatehouse::app
