// SPDX-License-Identifier: Apache-2.0
// The commands of a user of some server, over HTTP. Each gives the exit code.
#pragma once

#include "app/cli.hpp"
#include "app/client_session.hpp"

#include <functional>

namespace gatehouse::app {

int client_login(const CommandLine& line);
int client_logout(const CommandLine& line);
int files_list(const CommandLine& line);
int files_get(const CommandLine& line);  // client_download.cpp
int files_remove(const CommandLine& line);
int files_restore(const CommandLine& line);
int client_upload(const CommandLine& line);  // client_upload.cpp

// Runs `command`; what it throws is told with what to do next, and 1.
int with_session(const CommandLine& line, const std::function<int(ClientSession&)>& command);

// "gatehouse: what" and "  -> next" on standard error.
void tell_error(const std::string& what, const std::string& next);

}  // namespace gatehouse::app
