// SPDX-License-Identifier: Apache-2.0
#include "app/config_load.hpp"

#include "app/config_check.hpp"
#include "app/config_read.hpp"
#include "app/roles.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

extern char** environ;

namespace gatehouse::app {

namespace {

constexpr std::string_view prefix = "GATEHOUSE_";
constexpr std::size_t secret_file_bytes_max = 64 * 1024;

// The text of a small file; the error says why not.
Result<std::string, std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max)
{
    std::ifstream stream(path, std::ios::binary);
    if (!stream)
        return std::unexpected(fmt::format("cannot be read: {}", std::strerror(errno)));
    std::string text(bytes_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad() || (stream.fail() && !stream.eof()))
        return std::unexpected(std::string("cannot be read"));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > bytes_max)
        return std::unexpected(fmt::format("is larger than {} bytes", bytes_max));
    return text;
}

void read_config_file(const std::filesystem::path& path, std::vector<Setting>& table, Report& report)
{
    auto text = read_file(path, yaml_bytes_max);
    if (!text) {
        report.add_at(path.string(), "", text.error());
        return;
    }
    auto root = parse_yaml(*text);
    if (!root) {
        const YamlError& error = root.error();
        report.add_at(fmt::format("{}:{}:{}", path.string(), error.line, error.column), "", error.what);
        return;
    }
    read_tree(*root, table, path.string(), report);
}

// "a.b" and "a[0]" are within "a", and so is "a" itself.
bool is_within(std::string_view key, std::string_view outer)
{
    return key.starts_with(outer) &&
           (key.size() == outer.size() || key[outer.size()] == '.' || key[outer.size()] == '[');
}

Setting* find_by_environment(std::vector<Setting>& table, std::string_view name)
{
    auto found = std::ranges::find_if(table, [&](const Setting& s) { return environment_name(s.key) == name; });
    return found == table.end() ? nullptr : &*found;
}

// A variable belongs to us when it names a section. Others that begin with GATEHOUSE_ are let be: Kubernetes sets some
// for every Service called gatehouse.
bool names_a_section(std::string_view name)
{
    return name.find("__", prefix.size()) != std::string_view::npos && !name.starts_with("GATEHOUSE_TEST_");
}

void read_variable(const std::string& name, const std::string& value, std::vector<Setting>& table, Report& report)
{
    if (Setting* setting = find_by_environment(table, name)) {
        read_text(*setting, value, name, report);
        return;
    }
    constexpr std::string_view suffix = "_FILE";
    Setting* setting =
        name.ends_with(suffix) ? find_by_environment(table, name.substr(0, name.size() - suffix.size())) : nullptr;
    if (setting) {
        auto text = read_file(value, secret_file_bytes_max);
        if (!text) {
            report.add_at(name, setting->key, fmt::format("{} {}", value, text.error()));
            return;
        }
        // Editors and `echo` end files with a newline that is not part of the secret.
        while (text->ends_with('\n') || text->ends_with('\r'))
            text->pop_back();
        read_text(*setting, *text, name, report);
        wipe(*text);
    } else if (names_a_section(name)) {
        report.add_at(name, "", "no setting has this name");
    }
}

void read_environment(const std::vector<std::pair<std::string, std::string>>& environment, std::vector<Setting>& table,
                      Report& report)
{
    auto sorted = environment;
    std::ranges::sort(sorted);
    for (const auto& [name, value] : sorted) {
        bool twice =
            std::ranges::find(sorted, name + "_FILE", &std::pair<std::string, std::string>::first) != sorted.end();
        if (twice && find_by_environment(table, name))
            report.add_at(name, "", "is set, and so is " + name + "_FILE: which one counts?");
        else
            read_variable(name, value, table, report);
    }
}

void read_flag(std::string_view flag, std::string_view key, const std::string& value, std::vector<Setting>& table,
               Report& report)
{
    read_text(*std::ranges::find(table, key, &Setting::key), value, flag, report);
}

void read_flags(const Flags& flags, const Config& config, std::vector<Setting>& table, Report& report)
{
    if (flags.data)
        read_flag("--data", "data", *flags.data, table, report);
    if (!flags.roles.empty())
        read_flag("--role", "roles", fmt::format("{}", fmt::join(flags.roles, ",")), table, report);
    if (flags.ops_listen)
        read_flag("--ops-listen", "ops.listen", *flags.ops_listen, table, report);
    if (flags.listen) {
        // The roles are known by now: whose address is it?
        auto key = listen_key(config.roles);
        if (key)
            read_flag("--listen", *key, *flags.listen, table, report);
        else
            report.add_at("--listen", "", "not one of this process's roles listens on an address of its own");
    }
}

void read_sources(const Sources& sources, Config& config, Report& report)
{
    auto table = settings(config);
    if (sources.file)
        read_config_file(*sources.file, table, report);
    read_environment(sources.environment, table, report);
    read_flags(sources.flags, config, table, report);
}

}  // namespace

void Report::forget(std::string_view key)
{
    std::erase_if(origins_, [&](const auto& entry) { return is_within(entry.first, key); });
}

void Report::add(std::string_view key, std::string_view what)
{
    if (std::ranges::any_of(wrong_keys_, [&](auto& wrong) { return is_within(wrong, key) || is_within(key, wrong); }))
        return;
    add_at(place_of(key), key, what);
}

void Report::warn(std::string_view key, std::string_view what)
{
    std::string place = place_of(key);
    warnings_.push_back(fmt::format("{}{}{}: {}", place, place.empty() ? "" : ": ", key, what));
}

// Where the key, or the nearest one around it, came from; "" for a default.
std::string Report::place_of(std::string_view key) const
{
    std::string_view around = key;
    while (!around.empty()) {
        auto origin = origins_.find(around);
        if (origin != origins_.end())
            return origin->second;
        std::size_t end = around.find_last_of(".[");
        around = around.substr(0, end == std::string_view::npos ? 0 : end);
    }
    return {};
}

void Report::add_at(std::string_view place, std::string_view key, std::string_view what)
{
    std::string line;
    for (std::string_view part : {place, key}) {
        if (!part.empty())
            line += fmt::format("{}: ", part);
    }
    errors_.push_back(line.append(what));
    if (!key.empty())
        wrong_keys_.emplace(key);
}

Result<LoadedConfig, std::vector<std::string>> load_config(const Sources& sources)
{
    LoadedConfig loaded;
    Report report;
    read_sources(sources, loaded.config, report);

    // What is wrong in itself is told together with what does not fit together.
    check_config(loaded.config, report);
    if (!report.errors().empty())
        return std::unexpected(report.errors());

    // The queue counts the attempts; the worker must know which one is the last.
    loaded.config.worker.attempts_max = loaded.config.events.retry.attempts_max;
    loaded.origins = report.origins();
    loaded.warnings = report.warnings();
    return loaded;
}

ReadConfig read_config(const Sources& sources)
{
    ReadConfig read;
    Report report;
    read_sources(sources, read.config, report);
    read.errors = report.errors();
    return read;
}

std::filesystem::path data_directory_of(const Sources& sources) { return read_config(sources).config.data; }

std::vector<std::pair<std::string, std::string>> gatehouse_environment()
{
    std::vector<std::pair<std::string, std::string>> variables;
    for (char** entry = environ; *entry; ++entry) {
        std::string_view variable(*entry);
        std::size_t equals = variable.find('=');
        if (variable.starts_with(prefix) && equals != std::string_view::npos)
            variables.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return variables;
}

std::string environment_name(std::string_view key)
{
    std::string name(prefix);
    for (char c : key) {
        if (c == '.')
            name += "__";
        else
            name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return name;
}

}  // namespace gatehouse::app
