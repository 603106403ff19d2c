// SPDX-License-Identifier: Apache-2.0
// Stores as URLs: "sqlite:auth.db", "local:files". Only embedded ones exist in this version.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app {

// Why `url` is not a store of that scheme; nullopt when it is one.
std::optional<std::string> find_store_error(std::string_view url, std::string_view scheme);

// Where it lies: relative paths begin in the data directory. REQUIRES: find_store_error() has nothing to say.
std::filesystem::path store_path(std::string_view url, const std::filesystem::path& data);

}  // namespace gatehouse::app
