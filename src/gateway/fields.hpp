// SPDX-License-Identifier: Apache-2.0
// What the gateway does to header fields on their way in and out: end hop-by-hop fields, strip what a client may not
// say, say who is calling.
#pragma once

#include "gateway/route_table.hpp"
#include "http/message.hpp"
#include "identity/claims.hpp"

#include <string_view>

namespace gatehouse::gateway {

// Rewrites the request's fields for the service behind: hop-by-hop fields and those that Connection names are gone, a
// client's identity and forwarding fields are gone, ours are set. `claims` is null for an anonymous caller. `scratch`
// is working space, kept by the caller to save allocations.
void rewrite_request_fields(http::Request& request, const Route& route, const identity::Claims* claims,
                            http::Headers& scratch);

// Rewrites the fields of an answer: hop-by-hop fields are gone.
void rewrite_response_fields(http::Headers& headers);

// True for a field that a client must not send through: identity, forwarding, overriding, internal ones. Lower case.
bool is_reserved_field(std::string_view name);

// RFC 9110 section 7.6.1.
bool is_hop_by_hop_field(std::string_view name);

}  // namespace gatehouse::gateway
