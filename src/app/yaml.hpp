// SPDX-License-Identifier: Apache-2.0
// YAML as a tree that still knows where everything stood: line and column of each node, quoted or plain, keys as often
// as they were written. Strict where YAML is generous: one document, no anchors, aliases, tags or complex keys, bounded
// depth.
#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

struct YamlNode {
    enum class Kind { null, scalar, list, map };

    Kind kind = Kind::null;
    std::string text;     // of a scalar
    bool quoted = false;  // the scalar stood in quotes (or as a block), so it is text and nothing else
    int line = 0;         // both count from 1
    int column = 0;
    std::vector<YamlNode> keys;   // of a map, in order, parallel to `items`; duplicates are kept
    std::vector<YamlNode> items;  // of a list, or the values of a map
};

struct YamlError {
    int line = 0;
    int column = 0;
    std::string what;
};

inline constexpr std::size_t yaml_bytes_max = 1024 * 1024;
inline constexpr std::size_t yaml_depth_max = 16;

// An empty document is a null node.
Result<YamlNode, YamlError> parse_yaml(std::string_view text);

}  // namespace gatehouse::app
