// SPDX-License-Identifier: Apache-2.0
// The management commands as people see them: gather the arguments, run the command (in the server that works in the
// data directory, or here when none does), print the result. Each gives the exit code.
#pragma once

#include "app/cli.hpp"

namespace gatehouse::app {

int user_add(const CommandLine& line);
int user_list(const CommandLine& line);
int user_show(const CommandLine& line);
int user_passwd(const CommandLine& line);
int user_disable(const CommandLine& line);
int user_enable(const CommandLine& line);
int user_remove(const CommandLine& line);
int user_totp_reset(const CommandLine& line);
int user_roles(const CommandLine& line);
int role_list(const CommandLine& line);
int role_add(const CommandLine& line);
int role_set(const CommandLine& line);
int role_remove(const CommandLine& line);
int key_list(const CommandLine& line);
int key_rotate(const CommandLine& line);
int audit_list(const CommandLine& line);
int audit_verify(const CommandLine& line);
int dead_list(const CommandLine& line);
int dead_show(const CommandLine& line);
int dead_retry(const CommandLine& line);
int dead_drop(const CommandLine& line);

}  // namespace gatehouse::app
