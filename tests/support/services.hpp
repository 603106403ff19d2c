// SPDX-License-Identifier: Apache-2.0
// The servers of tools/services, for integration tests.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace gatehouse::testing {

// One of the variables that `tools/services up` prints. A test that needs it fails without it.
inline std::string require_environment(const std::string& name)
{
    const char* value = std::getenv(name.c_str());
    if (!value || *value == '\0')
        throw std::runtime_error(name + " is not set: run these tests with tools/run_tests itest, or start "
                                        "tools/services up and source build/services/env");
    return value;
}

// tools/services COMMAND, such as "stop mariadb", on those servers.
inline void run_services(const std::string& command)
{
    std::string line = std::string(GATEHOUSE_SOURCE_DIR) + "/tools/services " + command + " " +
                       require_environment("GATEHOUSE_TEST_SERVICES") + " > /dev/null";
    if (std::system(line.c_str()) != 0)
        throw std::runtime_error("tools/services " + command + " failed");
}

}  // namespace gatehouse::testing
