// SPDX-License-Identifier: Apache-2.0
// `gatehouse backup` and `gatehouse restore`, for the embedded stores and the keys that they need.
//
//   manifest.json     what is there: path, size and SHA-256 of each file; written last, so that without it there is
//   none auth.db ...       databases, all as they were at one moment files/...         the content that their records
//   name service.key ...   the keys of the installation
#pragma once

#include "app/cli.hpp"

namespace gatehouse::app {

// 0, 1 when it failed, 2 for a bad configuration.
int backup(const CommandLine& line);
int restore(const CommandLine& line);

// The name of a file in the data directory while a restore is unfinished: no server starts there.
inline constexpr const char* unfinished_restore = "restore-unfinished";

}  // namespace gatehouse::app
