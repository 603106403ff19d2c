// SPDX-License-Identifier: Apache-2.0
// The header fields that tell a service who is calling: X-User-Id, X-User-Name, X-User-Roles. Set by the gateway on
// what it forwards and by auth on the answer of /validate; a client's own are never let through.
#pragma once

#include "http/message.hpp"
#include "identity/claims.hpp"

#include <string>
#include <string_view>

namespace gatehouse::identity {

// Sets the three fields. Roles are joined with commas.
void set_identity_fields(http::Headers& headers, const Claims& claims);

// `text` as a field value: bytes outside visible ASCII (but the space), and '%', are percent-encoded.
std::string encode_field_value(std::string_view text);

}  // namespace gatehouse::identity
