// SPDX-License-Identifier: Apache-2.0
// Whether this machine can run the processors, for `gatehouse doctor`: the programs are there, and the sandbox works,
// which is tried. Blocks; any thread.
#pragma once

#include "base/finding.hpp"
#include "worker/config.hpp"

#include <filesystem>

namespace gatehouse::worker {

// `scratch` is an empty directory for the programs that are tried.
Findings examine_programs(const Config& config, const std::filesystem::path& scratch);

}  // namespace gatehouse::worker
