// SPDX-License-Identifier: Apache-2.0
// The files of the web console as they are built into the program (cmake/embed_assets.cmake writes the definition).
// Read-only, static: any thread.
#pragma once

#include <span>
#include <string_view>

namespace gatehouse::console {

struct Asset {
    std::string_view name;  // "index.html", "assets/index-BggDREx5.js"
    std::string_view content_type;
    std::string_view hash;  // of the content, for the ETag
    std::string_view identity;
    std::string_view brotli;  // empty: there is no such form
    std::string_view gzip;
};

// Sorted by name; "index.html" is always there.
std::span<const Asset> assets();

// docs/openapi.json.
const Asset& openapi();

}  // namespace gatehouse::console
