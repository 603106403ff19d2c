// SPDX-License-Identifier: Apache-2.0
// Answers for the console's files: the page, its script, its style. Any thread.
#pragma once

#include "http/message.hpp"

#include <string_view>

namespace gatehouse::console {

// What a browser may do in the console, as header fields. They are on every answer of the console.
void add_security_fields(http::Headers& headers);

// The page: never taken from a cache unasked, so that a new version of the program is seen at once.
http::Response page_response(const http::Request& request);

// A file below assets/. Its name holds its hash, so a cache may keep it for ever. 404 for an unknown one.
http::Response asset_response(const http::Request& request, std::string_view name);

// GET /openapi.json.
http::Response openapi_response(const http::Request& request);

}  // namespace gatehouse::console
