// SPDX-License-Identifier: Apache-2.0
// The command line: parses it, runs the command, gives the exit code: 0 fine, 1 failed, 2 bad usage or configuration.
#pragma once

#include "app/config_load.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app {

// Of the commands that talk to a server over HTTP, as its users do.
struct ClientLine {
    std::optional<std::string> server;
    std::optional<std::string> token;
    std::string ca;
    std::optional<std::string> otp;
    std::vector<std::string> paths;  // to upload
    std::vector<std::string> ids;    // of files
    std::string output;
    bool force = false;
    bool trash = false;      // those in the trash
    bool permanent = false;  // for good
    int limit = 50;
};

// Of `gatehouse migrate`.
struct MigrateLine {
    std::string from;         // the old data directory
    std::string from_config;  // of its server; empty: it has none
    bool finish = false;
    bool back = false;
};

// Of `gatehouse health`.
struct HealthLine {
    std::string probe = "ready";
    std::string gateway;  // URL; empty: the server of this configuration
    std::string timeout = "2s";
};

// What was written on the command line. Each command looks at its own part.
struct CommandLine {
    std::optional<std::string> config;  // of --config, else of GATEHOUSE_CONFIG
    Flags flags;
    bool json = false;
    std::string name;  // of a user or a role
    std::optional<std::string> email;
    std::vector<std::string> user_roles;
    std::optional<std::string> description;  // of a role
    std::vector<std::string> permissions;
    bool password_stdin = false;
    std::string file;                                   // of users to import; directory of a backup
    bool skip_existing = false;                         // of them
    bool now = false;                                   // of a key rotation
    std::string id;                                     // of a dead letter
    std::string audit_type, audit_actor, audit_target;  // what to look for
    int audit_limit = 50;
    std::string known_head;   // NUMBER:HASH, of an earlier `audit verify`
    std::string method, url;  // of a request to explain
    std::optional<std::string> token;
    std::vector<std::string> headers;
    std::string what;  // to describe
    ClientLine client;
    MigrateLine migrate;
    HealthLine health;
};

int run_command_line(int argc, const char* const* argv);

// The help of every command, one after another: tests/golden/help.txt.
std::string help_of_everything();

// Where the configuration comes from.
Sources sources_of(const CommandLine& line);

// The configuration of file, environment and flags. When something is wrong with it, prints every error and gives
// nullopt.
std::optional<LoadedConfig> load_or_explain(const CommandLine& line);

}  // namespace gatehouse::app
