// SPDX-License-Identifier: Apache-2.0
#include "identity/one_time_token.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"

namespace gatehouse::identity {

namespace {

constexpr std::size_t ticket_bytes = 16;

}  // namespace

std::string make_ticket() { return to_base64url(random_bytes(ticket_bytes)); }

Secret one_time_token(const ServiceKey& key, std::string_view ticket)
{
    return Secret(to_base64url(key.derive("one-time token", ticket)));
}

}  // namespace gatehouse::identity
