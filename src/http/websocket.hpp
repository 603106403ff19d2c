// SPDX-License-Identifier: Apache-2.0
// The handshake of WebSocket (RFC 6455 section 4), as a gateway sees it.
#pragma once

#include "http/message.hpp"

#include <string>
#include <string_view>

namespace gatehouse::http {

// Whether a request's key is 16 bytes in base64, and there once.
bool has_websocket_key(const Headers& headers);

// What a server that understood the request answers in Sec-WebSocket-Accept.
std::string websocket_accept(std::string_view key);

}  // namespace gatehouse::http
