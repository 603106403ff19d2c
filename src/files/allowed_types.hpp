// SPDX-License-Identifier: Apache-2.0
// Which media types may be uploaded. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files {

// "image/png", or "image/*" for every image. In small letters, as sniffed types are.
bool is_type_pattern(std::string_view text);

// An empty list allows every type.
bool is_allowed_type(const std::vector<std::string>& patterns, std::string_view type);

}  // namespace gatehouse::files
