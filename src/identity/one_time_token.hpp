// SPDX-License-Identifier: Apache-2.0
// Tokens for the links in mails, without one lying about in a store or a queue: auth makes a ticket, keeps the hash of
// the token that belongs to it, and announces the ticket; the notifier makes the same token of it for the mail. Both
// have the service key, by which the ticket alone is worth nothing. Any thread.
#pragma once

#include "base/secret.hpp"
#include "identity/service_key.hpp"

#include <string>
#include <string_view>

namespace gatehouse::identity {

std::string make_ticket();  // 128 random bits as base64url

// HMAC-SHA-256 of the ticket as base64url.
Secret one_time_token(const ServiceKey& key, std::string_view ticket);

}  // namespace gatehouse::identity
