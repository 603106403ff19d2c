// SPDX-License-Identifier: Apache-2.0
// The configuration for people: what is in force, with secrets left out, and the reference page of all settings.
#pragma once

#include "app/config.hpp"
#include "app/settings.hpp"
#include "base/json.hpp"

#include <string>

namespace gatehouse::app {

// Settings as JSON, a table as nested objects. Secrets, and passwords in URLs, are "[redacted]".
json::value setting_to_json(const Setting& setting);
json::object table_to_json(const std::vector<Setting>& table);
json::object config_to_json(Config config);

// The same as YAML, which reads back as the same configuration where nothing was redacted.
std::string config_to_yaml(const Config& config);

// docs/configuration.md.
std::string describe_config();

}  // namespace gatehouse::app
