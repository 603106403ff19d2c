// SPDX-License-Identifier: Apache-2.0
// What a look at one thing that the program depends on has found: for `gatehouse doctor`, which asks every folder that
// has such a thing. A value; no state.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gatehouse {

struct Finding {
    enum class Level { ok, warn, fail };

    Level level = Level::ok;
    std::string what;    // one sentence without its full stop, and without a secret
    std::string remedy;  // a command, or the setting to change; empty when all is well

    static Finding ok(std::string what) { return {Level::ok, std::move(what), ""}; }
    static Finding warn(std::string what, std::string remedy)
    {
        return {Level::warn, std::move(what), std::move(remedy)};
    }
    static Finding fail(std::string what, std::string remedy)
    {
        return {Level::fail, std::move(what), std::move(remedy)};
    }
};
using Findings = std::vector<Finding>;

}  // namespace gatehouse
