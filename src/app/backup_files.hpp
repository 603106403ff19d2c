// SPDX-License-Identifier: Apache-2.0
// Files of a backup: copied, hashed on the way, durable. Blocks; any thread. All throw std::system_error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace gatehouse::app {

struct CopiedFile {
    std::uint64_t size = 0;
    std::string sha256;  // hexadecimal
};

// A new file of mode 0600; what is there is replaced. `progress` is told of each piece. Directories in between are made
// with mode 0700.
CopiedFile copy_file_durably(const std::filesystem::path& from, const std::filesystem::path& to,
                             const std::function<void(std::uint64_t bytes)>& progress);

CopiedFile hash_file(const std::filesystem::path& path);

void make_private_directories(const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& path);  // so that the names in it are durable

}  // namespace gatehouse::app
