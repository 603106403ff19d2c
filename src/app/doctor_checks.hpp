// SPDX-License-Identifier: Apache-2.0
// What `gatehouse doctor` looks at, one function for each subject. Each blocks, on a thread of its own, and changes
// nothing. An exception counts as a failure.
#pragma once

#include "app/config.hpp"
#include "app/roles.hpp"
#include "base/finding.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include <sys/types.h>

namespace gatehouse::app {

struct Surroundings {
    Config config;
    RoleSet roles;
    std::filesystem::path data;   // absolute; may be missing
    std::optional<pid_t> server;  // the process that works in it
};
Surroundings look_around(Config config);

struct Check {
    std::string_view name;
    Findings (*run)(const Surroundings&);
};

// In the order in which they are told.
std::span<const Check> all_checks();

// doctor_machine.cpp
Findings check_server(const Surroundings& around);
Findings check_data(const Surroundings& around);
Findings check_disk(const Surroundings& around);
Findings check_limits(const Surroundings& around);
// doctor_ports.cpp
Findings check_ports(const Surroundings& around);
// doctor_stores.cpp
Findings check_auth_store(const Surroundings& around);
Findings check_files_store(const Surroundings& around);
Findings check_events_store(const Surroundings& around);
// doctor_keys.cpp
Findings check_keys(const Surroundings& around);
Findings check_certificates(const Surroundings& around);
// doctor_services.cpp
Findings check_roles_elsewhere(const Surroundings& around);
Findings check_upstreams(const Surroundings& around);
Findings check_programs(const Surroundings& around);
Findings check_mail(const Surroundings& around);

// "ada", or the number of a user who has no name.
std::string user_name(uid_t user);

}  // namespace gatehouse::app
