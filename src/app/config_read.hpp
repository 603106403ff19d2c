// SPDX-License-Identifier: Apache-2.0
// Puts what was written into the settings: a whole YAML tree, or one value that came as text (environment, flags).
#pragma once

#include "app/config_load.hpp"
#include "app/settings.hpp"
#include "app/yaml.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

// Reads a file's tree. `source` begins the places of errors. Unknown and duplicate keys and wrong types are reported.
void read_tree(const YamlNode& root, std::vector<Setting>& table, std::string_view source, Report& report);

// Reads one value from text: a list is separated by commas, or written as YAML where it begins with '['.
void read_text(Setting& setting, const std::string& text, std::string_view place, Report& report);

}  // namespace gatehouse::app
