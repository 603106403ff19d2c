// SPDX-License-Identifier: Apache-2.0
#include "app/config_commands.hpp"

#include "app/config_print.hpp"
#include "app/control.hpp"
#include "app/data_directory.hpp"
#include "base/error.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>

namespace gatehouse::app {

namespace {

void tell_silence(const std::filesystem::path& data)
{
    if (std::filesystem::exists(data))
        fmt::print(stderr, "gatehouse: no server answers in {}: --data names its data directory\n", data.string());
    else
        fmt::print(stderr, "gatehouse: there is no data directory {}: --data names it\n", data.string());
}

// The answer of find_server_answer(); nullopt when there is none, which has been told.
std::optional<json::object> ask_server(const CommandLine& line, const std::string& name, const json::object& arguments)
{
    try {
        auto answer = find_server_answer(line, name, arguments);
        if (!answer)
            tell_silence(data_directory_of(sources_of(line)));
        return answer;
    } catch (const std::exception& error) {
        fmt::print(stderr, "gatehouse: {}\n", error.what());
    }
    return std::nullopt;
}

// Prints what is wrong with the configuration; true when anything is.
bool tell_errors(const json::object& answer)
{
    const json::value* errors = answer.if_contains("errors");
    if (!errors)
        return false;
    for (const json::value& error : errors->as_array())
        fmt::print(stderr, "{}\n", std::string_view(error.as_string()));
    return true;
}

std::string describe_value(const json::value& value)
{
    if (value.is_null())
        return "none";
    if (const auto* text = value.if_string(); text && !text->empty())
        return std::string(*text);
    return json::serialize(value);
}

std::string describe_changes(const json::array& changes, bool at_next_start)
{
    std::string out;
    for (const json::value& item : changes) {
        const json::object& change = item.as_object();
        if (change.at("at_next_start").as_bool() == at_next_start)
            out += fmt::format("  {}: {} -> {}\n", std::string_view(change.at("key").as_string()),
                               describe_value(change.at("before")), describe_value(change.at("after")));
    }
    return out;
}

// Both kinds of changes, each below its title.
std::string describe_outcome(const json::array& changes, std::string_view title, std::string_view none)
{
    std::string now = describe_changes(changes, false);
    std::string later = describe_changes(changes, true);
    std::string out = now.empty() ? fmt::format("{}\n", none) : fmt::format("{}\n{}", title, now);
    if (!later.empty())
        out += fmt::format("Takes effect at the next start:\n{}", later);
    return out;
}

}  // namespace

std::optional<json::object> find_server_answer(const CommandLine& line, const std::string& name,
                                               const json::object& arguments)
{
    auto path = data_directory_of(sources_of(line));
    if (!std::filesystem::exists(path))
        return std::nullopt;
    DataDirectory data(path);
    try {
        return call_control(data.control_socket(), name, arguments).as_object();
    } catch (const Unavailable&) {
        return std::nullopt;
    }
}

int config_check(const CommandLine& line)
{
    auto loaded = load_or_explain(line);
    if (!loaded)
        return 2;
    for (const std::string& warning : loaded->warnings)
        fmt::print(stderr, "warning: {}\n", warning);
    fmt::print("The configuration is fine.{}\n",
               sources_of(line).file ? "" : " No file was looked at: --config FILE names one.");
    return 0;
}

int config_print(const CommandLine& line)
{
    auto loaded = load_or_explain(line);
    if (!loaded)
        return 2;
    if (line.json)
        fmt::print("{}\n", json::serialize(config_to_json(loaded->config)));
    else
        fmt::print("{}", config_to_yaml(loaded->config));
    return 0;
}

int config_reload(const CommandLine& line)
{
    auto answer = ask_server(line, "config.reload", {});
    if (!answer)
        return 1;
    if (line.json)
        fmt::print("{}\n", json::serialize(*answer));
    if (tell_errors(*answer)) {
        fmt::print(stderr, "gatehouse: the old configuration stays in force\n");
        return 2;
    }
    if (!line.json)
        fmt::print("{}", describe_outcome(answer->at("changes").as_array(), "Reloaded:", "Reloaded, nothing changed."));
    return 0;
}

int config_diff(const CommandLine& line)
{
    auto answer = ask_server(line, "config.diff", {});
    if (!answer)
        return 2;
    if (line.json)
        fmt::print("{}\n", json::serialize(*answer));
    if (tell_errors(*answer))
        return 2;
    const json::array& changes = answer->at("changes").as_array();
    if (!line.json)
        fmt::print("{}", describe_outcome(changes, "A reload changes:", "A reload changes nothing."));
    return changes.empty() ? 0 : 1;
}

}  // namespace gatehouse::app
