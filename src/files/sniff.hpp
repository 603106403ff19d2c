// SPDX-License-Identifier: Apache-2.0
// The media type of content, from its first bytes. What a client says about the type is never used.
//
// Blocks for a millisecond or so: call it on a pool. Any thread. Throws Unavailable when the type database is missing.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::files {

// "video/mp4"; "application/x-empty" for nothing, "application/octet-stream" for what is not recognised.
std::string sniff_type(std::string_view head);

}  // namespace gatehouse::files
