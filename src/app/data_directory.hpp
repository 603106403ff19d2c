// SPDX-License-Identifier: Apache-2.0
// The data directory: who may work in it, and the small private files that are nobody else's.
//
//   lock          held (flock) by the process that works in the directory; holds its pid
//   control.sock  where that process takes management commands
//   service.key   by which the roles know each other; made once
//   auth.key      encrypts what auth's store keeps encrypted; made once
//   setup-link    while no administrator exists
//
// One thread. The lock ends with the process, however it ends.
#pragma once

#include "base/secret.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace gatehouse::app {

class DataDirectory final {
public:
    // Opens it; makes it, mode 0700, when it is missing. Throws std::system_error naming it.
    explicit DataDirectory(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }  // absolute

    // False when another process has it.
    bool try_lock();
    // The process that has it, as far as it can be told.
    std::optional<pid_t> lock_holder() const;

    // The control socket, by a name that fits into a socket address. Valid as long as this object lives.
    std::filesystem::path control_socket() const;

    // The content of a private file, made from make() (mode 0600, durable) when it is not there.
    Secret read_or_create(std::string_view name, const std::function<Secret()>& make);
    // Puts `text` into a file of mode 0600, replacing it in one step.
    void write_private(std::string_view name, std::string_view text);
    void remove(std::string_view name);

private:
    std::filesystem::path path_;
    UniqueFd directory_;
    UniqueFd lock_;
};

// Opened and locked. Throws std::runtime_error, too, when another process has it.
DataDirectory lock_data_directory(const std::filesystem::path& path);

}  // namespace gatehouse::app
