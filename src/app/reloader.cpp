// SPDX-License-Identifier: Apache-2.0
#include "app/reloader.hpp"

#include "base/log.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gatehouse::app {

Reloader::Reloader(Config running, Sources sources, Metrics& metrics, Apply apply)
    : running_(std::move(running)), sources_(std::move(sources)), apply_(std::move(apply)),
      success_(metrics.gauge("gatehouse_config_reload_success",
                             "1 when the configuration was taken the last time it was read, else 0.")),
      time_(metrics.gauge("gatehouse_config_last_reload_time_seconds",
                          "When a configuration was taken the last time, in seconds since 1970."))
{
    success_.Set(1);
    time_.SetToCurrentTime();
}

Reloader::Outcome Reloader::reload()
{
    std::lock_guard lock(mutex_);
    Outcome outcome = try_reload();
    success_.Set(outcome.errors.empty() ? 1 : 0);
    for (const std::string& error : outcome.errors)
        log::error("app", "configuration not reloaded", {{"error", error}});
    if (!outcome.errors.empty())
        return outcome;
    time_.SetToCurrentTime();
    std::vector<std::string_view> taken, later;
    for (const ConfigChange& change : outcome.changes)
        (change.at_next_start ? later : taken).push_back(change.key);
    log::info("app", "configuration reloaded",
              {{"changed", fmt::format("{}", fmt::join(taken, ", "))},
               {"at_next_start", fmt::format("{}", fmt::join(later, ", "))}});
    return outcome;
}

Reloader::Outcome Reloader::try_reload()
{
    auto loaded = load_config(sources_);
    if (!loaded)
        return {loaded.error(), {}};
    Outcome outcome;
    outcome.changes = find_changes(running_, loaded->config);
    Config next = take_reloadable(running_, std::move(loaded->config));
    try {
        apply_(next);
    } catch (const std::exception& error) {
        return {{error.what()}, {}};
    }
    running_ = std::move(next);
    for (const std::string& warning : loaded->warnings)
        log::warn("app", "doubtful configuration", {{"warning", warning}});
    return outcome;
}

Reloader::Outcome Reloader::compare()
{
    std::lock_guard lock(mutex_);
    auto loaded = load_config(sources_);
    if (!loaded)
        return {loaded.error(), {}};
    return {{}, find_changes(running_, loaded->config)};
}

Config Reloader::running()
{
    std::lock_guard lock(mutex_);
    return running_;
}

json::object to_json(const Reloader::Outcome& outcome)
{
    if (outcome.errors.empty())
        return {{"changes", to_json(outcome.changes)}};
    return {{"errors", json::array(outcome.errors.begin(), outcome.errors.end())}};
}

}  // namespace gatehouse::app
