// SPDX-License-Identifier: Apache-2.0
#include "app/migrate_command.hpp"

#include "app/migration.hpp"
#include "app/output.hpp"
#include "app/progress_bar.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

// Of the old installation: its own file and directory. The environment is that of the new one.
std::optional<Config> load_old(const CommandLine& line)
{
    Sources sources;
    if (!line.migrate.from_config.empty())
        sources.file = line.migrate.from_config;
    sources.flags.data = line.migrate.from;
    auto loaded = load_config(sources);
    if (loaded)
        return loaded->config;
    for (const std::string& error : loaded.error())
        fmt::print(stderr, "{}\n", error);
    return std::nullopt;
}

json::object to_json(const MigrationReport& report)
{
    json::array kinds;
    for (const MovedKind& kind : report.kinds)
        kinds.push_back({{"name", kind.name},
                         {"source", kind.source},
                         {"target", kind.target},
                         {"changed", kind.changed},
                         {"different", kind.different}});
    return {{"finished", report.finished},
            {"as_of", format_rfc3339(report.as_of)},
            {"different", report.different()},
            {"contents", report.contents},
            {"contents_read", report.contents_read},
            {"bytes", report.bytes},
            {"kinds", std::move(kinds)},
            {"differences", json::array(report.differences.begin(), report.differences.end())}};
}

void print_report(const MigrationReport& report, const CommandLine& line)
{
    fmt::print("{}", format_table(to_json(report).at("kinds").as_array(),
                                  {{"WHAT", "name"},
                                   {"OLD", "source"},
                                   {"NEW", "target"},
                                   {"CHANGED NOW", "changed"},
                                   {"DIFFERENT", "different"}},
                                  ""));
    fmt::print("{} contents ({}) have the SHA-256 of their records, {} of them read back now.\n", report.contents,
               format_bytes(report.bytes), report.contents_read);
    if (report.different() > 0)
        return;
    if (report.finished)
        fmt::print("Finished. Start the roles on the new configuration, lead clients there, then end the old server. "
                   "{} takes no changes any more.\n",
                   line.migrate.from);
    else
        fmt::print("All is as it was at {}. Run it again, as often as you like, and with --finish to close the old "
                   "stores, bring what has changed and the events under way, and end the migration.\n",
                   format_rfc3339(report.as_of));
}

int run_to_end(const CommandLine& line, const Config& from, const Config& to)
{
    MigrationReport report = run_migration(from, to, line.migrate.finish);
    if (line.json)
        fmt::print("{}\n", json::serialize(to_json(report)));
    else
        print_report(report, line);
    for (const std::string& difference : report.differences)
        fmt::print(stderr, "{}\n", difference);
    if (report.different() == 0)
        return 0;
    fmt::print(stderr, "gatehouse: {} differences; nothing was finished\n", report.different());
    return 1;
}

int go_back(const CommandLine& line, const Config& from)
{
    std::size_t count = open_source_again(from);
    if (line.json)
        fmt::print("{}\n", json::serialize(json::object{{"opened", count}}));
    else if (count == 0)
        fmt::print("The stores in {} are not closed.\n", from.data);
    else
        fmt::print("The stores in {} take changes again. What was changed on the servers since is not there.\n",
                   from.data);
    return 0;
}

}  // namespace

int migrate(const CommandLine& line)
{
    auto old = load_old(line);
    if (!old)
        return 2;
    log::configure(log::Format::text, std::max(old->log.level, log::Level::warn));
    try {
        if (!std::filesystem::is_directory(old->data))
            throw std::runtime_error(fmt::format("there is no data directory {}", old->data));
        if (line.migrate.back)
            return go_back(line, *old);
        auto loaded = load_or_explain(line);
        if (!loaded)
            return 2;
        if (auto error = find_direction_error(*old, loaded->config)) {
            fmt::print(stderr, "gatehouse: {}\n", *error);
            return 2;
        }
        return run_to_end(line, *old, loaded->config);
    } catch (const std::exception& error) {
        fmt::print(stderr, "gatehouse: {}\n", error.what());
    }
    return 1;
}

}  // namespace gatehouse::app
