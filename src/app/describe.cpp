// SPDX-License-Identifier: Apache-2.0
#include "app/describe.hpp"

#include "app/cli.hpp"
#include "app/command_model.hpp"
#include "app/config_print.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

#include <iterator>

namespace gatehouse::app {

namespace {

constexpr std::string_view problems_introduction = R"(# Problems

This page is made by `tools/update_golden` from the program's own table of codes.

Every error of every role is answered as `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`,
`code` and `instance`, which is the id of the request: the log line of a 5xx carries it too. `code` is stable: programs
should look at it, and people at `detail`. Several wrong fields are listed in `errors`.

| code | status | title |
|---|---|---|
)";

std::string describe_problems()
{
    std::string out(problems_introduction);
    for (const http::ProblemCode& problem : http::problem_codes())
        fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} |\n", problem.code, problem.status, problem.title);
    return out;
}

}  // namespace

std::optional<std::string> describe_topic(std::string_view topic)
{
    if (topic == "configuration")
        return describe_config();
    if (topic == "problems")
        return describe_problems();
    if (topic == "help")
        return help_of_everything();
    if (topic == "man")
        return man_page(command_model());
    if (topic == "completion.bash")
        return bash_completion(command_model());
    if (topic == "completion.zsh")
        return zsh_completion(command_model());
    if (topic == "completion.fish")
        return fish_completion(command_model());
    return std::nullopt;
}

int describe(const CommandLine& line)
{
    auto text = describe_topic(line.what);
    if (!text) {
        fmt::print(stderr, "gatehouse: nothing is called `{}`\n", line.what);
        return 2;
    }
    fmt::print("{}", *text);
    return 0;
}

int print_completion(const CommandLine& line)
{
    auto text = describe_topic("completion." + line.what);
    if (!text) {
        fmt::print(stderr, "gatehouse: there is no completion for `{}`: bash, zsh and fish have one\n", line.what);
        return 2;
    }
    fmt::print("{}", *text);
    return 0;
}

int print_man_page(const CommandLine&)
{
    fmt::print("{}", *describe_topic("man"));
    return 0;
}

}  // namespace gatehouse::app
