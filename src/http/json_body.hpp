// SPDX-License-Identifier: Apache-2.0
// JSON in and out of messages.
#pragma once

#include "base/json.hpp"
#include "http/message.hpp"

#include <cstddef>

namespace gatehouse::http {

// Reads the whole body, at most `bytes_max` (413).
Task<std::string> read_body(Request& request, std::size_t bytes_max);

// The whole body of a peer's answer; Unavailable when it has more than `bytes_max`.
Task<std::string> read_body(Response& response, std::size_t bytes_max);

// The body as a JSON object. Throws Problem: 415 for another content type, 413, 400 invalid_json with the place.
Task<json::object> read_json(Request& request, std::size_t bytes_max);

// A response with `value` as application/json.
Response json_response(const json::value& value, int status = 200);

}  // namespace gatehouse::http
