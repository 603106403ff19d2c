// SPDX-License-Identifier: Apache-2.0
// Names of files as clients send them, made harmless.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::files {

// The last component of a path in either style, as well-formed UTF-8 of at most 255 bytes, without control characters
// and without the characters that reorder text (they make "exe.fdp" look like "pdf.exe"). "file" when nothing is left.
std::string sanitize_name(std::string_view sent);

}  // namespace gatehouse::files
