// SPDX-License-Identifier: Apache-2.0
// Builds the configuration: defaults, then the file, then the environment, then the flags; later wins. Every error of
// all of them is reported at once, each as "file:line:column: key: what".
#pragma once

#include "app/config.hpp"
#include "base/error.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::app {

struct Flags {
    std::optional<std::string> data;
    std::vector<std::string> roles;
    std::optional<std::string> listen;  // of the gateway where it runs, else of the role that does
    std::optional<std::string> ops_listen;
};

struct Sources {
    std::optional<std::filesystem::path> file;
    std::vector<std::pair<std::string, std::string>> environment;  // what begins with GATEHOUSE_
    Flags flags;
};

// Where each key got its value: "gatehouse.yaml:3:5", "GATEHOUSE_AUTH__STORE", "--listen". Absent: the default.
using Origins = std::map<std::string, std::string, std::less<>>;

// Collects errors and knows where keys came from.
class Report final {
public:
    void note(const std::string& key, std::string place) { origins_[key] = std::move(place); }
    void forget(std::string_view key);  // and everything below it

    // An error of `key`, at the place that it (or the nearest key around it) came from. Says nothing when something is
    // known to be wrong with that key already: a value that could not be read needs no second opinion.
    void add(std::string_view key, std::string_view what);
    void add_at(std::string_view place, std::string_view key, std::string_view what);

    // What may be meant so, but probably is not.
    void warn(std::string_view key, std::string_view what);

    const std::vector<std::string>& errors() const { return errors_; }
    const std::vector<std::string>& warnings() const { return warnings_; }
    const Origins& origins() const { return origins_; }

private:
    std::string place_of(std::string_view key) const;

    Origins origins_;
    std::vector<std::string> errors_;
    std::vector<std::string> warnings_;
    std::set<std::string, std::less<>> wrong_keys_;
};

struct LoadedConfig {
    Config config;
    Origins origins;
    std::vector<std::string> warnings;
};

// The error is one line for each thing that is wrong.
Result<LoadedConfig, std::vector<std::string>> load_config(const Sources& sources);

// As far as they can be read; whether all of it fits together is not looked at. For what a running server is asked.
struct ReadConfig {
    Config config;
    std::vector<std::string> errors;
};
ReadConfig read_config(const Sources& sources);

// The data directory that they name, whatever else may be wrong with them: where a server is found.
std::filesystem::path data_directory_of(const Sources& sources);

// The process's variables that begin with GATEHOUSE_.
std::vector<std::pair<std::string, std::string>> gatehouse_environment();

// "auth.store" -> "GATEHOUSE_AUTH__STORE"
std::string environment_name(std::string_view key);

}  // namespace gatehouse::app
