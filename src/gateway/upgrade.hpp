// SPDX-License-Identifier: Apache-2.0
// Whether a request may change the protocol of its connection, and what becomes of that connection.
#pragma once

#include "gateway/passage.hpp"
#include "http/problem.hpp"
#include "identity/revocation_list.hpp"

#include <optional>
#include <string_view>

namespace gatehouse::gateway {

// Sets request.upgrade when the request asks for a protocol that its route lets through, and asks well. A wish that the
// route does not know is ignored, as RFC 9110 section 7.8 has it: the request is served as it is. A broken one is
// refused.
std::optional<http::Problem> admit_upgrade(http::Request& request, const Route& route);

// The tunnel ends with the caller's session.
void end_with_session(http::Tunnel& tunnel, const identity::RevocationList& revocations, const Caller& caller);

}  // namespace gatehouse::gateway
