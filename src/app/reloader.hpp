// SPDX-License-Identifier: Apache-2.0
// The configuration read again while the program runs: all of it is checked, then what can change without a restart
// changes at once, or, when anything is wrong, nothing does.
//
// Any thread but an I/O thread: calls block, and wait for each other.
#pragma once

#include "app/config_changes.hpp"
#include "app/config_load.hpp"
#include "base/metrics.hpp"

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app {

class Reloader final {
public:
    // Puts a configuration in force; throws std::exception with a sentence when it cannot, and nothing has changed.
    using Apply = std::function<void(const Config&)>;

    // `running` as it was loaded from `sources`.
    Reloader(Config running, Sources sources, Metrics& metrics, Apply apply);

    struct Outcome {
        std::vector<std::string> errors;    // as load_config() says them; then nothing has changed
        std::vector<ConfigChange> changes;  // against what was in force before
    };
    Outcome reload();

    // What reload() would do now.
    Outcome compare();

    // What is in force.
    Config running();

    // What is read beside environment and flags, if there is one. Any thread.
    const std::optional<std::filesystem::path>& file() const { return sources_.file; }

private:
    Outcome try_reload();

    std::mutex mutex_;
    Config running_;
    Sources sources_;
    Apply apply_;
    prometheus::Gauge& success_;
    prometheus::Gauge& time_;
};

// {"changes":[...]}, or {"errors":[...]} when there are any.
json::object to_json(const Reloader::Outcome& outcome);

}  // namespace gatehouse::app
