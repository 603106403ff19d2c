// SPDX-License-Identifier: Apache-2.0
// The file of the command line's sessions, one for each server: $XDG_CONFIG_HOME/gatehouse/session.json, mode 0600,
// replaced in one step. Whoever changes it holds the lock, but for a look. Blocks; one thread.
#pragma once

#include "base/secret.hpp"
#include "base/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace gatehouse::app::session_file {

struct Session {
    Secret access_token;
    Secret refresh_token;
    std::chrono::system_clock::time_point expires{};  // of the access token
    std::string ca;
};

// Waits for others, ten seconds at most. May be held by one thread once.
class Lock final {
public:
    Lock();

private:
    UniqueFd file_;
};

// All throw std::runtime_error with a sentence when the file cannot be used.
std::optional<std::string> find_current();  // the server that was logged in to last
std::optional<Session> find(const std::string& server);
void keep(const std::string& server, const Session& session);  // and makes it the current one. REQUIRES: a Lock
void forget(const std::string& server);                        // REQUIRES: a Lock

}  // namespace gatehouse::app::session_file
