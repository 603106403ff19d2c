// SPDX-License-Identifier: Apache-2.0
// `gatehouse user import FILE`: reads a file of users, a line each (auth/user_import.hpp), twice: first all of it is
// checked, then it is imported, some hundred in a transaction. Memory does not grow with the file.
#pragma once

#include "app/cli.hpp"

namespace gatehouse::app {

int user_import(const CommandLine& line);

}  // namespace gatehouse::app
