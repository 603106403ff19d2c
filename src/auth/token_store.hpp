// SPDX-License-Identifier: Apache-2.0
// One-time tokens: what the links in mails carry. Functions on a connection: the caller gives the transaction.
//
// The store keeps the hash of a token alone, and the event that announces the mail carries a ticket, from which only
// who has the service key can make the token (identity/one_time_token.hpp): the token itself is in the mail and nowhere
// else. A token is good once, for one purpose, for a while; a newer one of the same purpose replaces it.
#pragma once

#include "base/clock.hpp"
#include "identity/service_key.hpp"
#include "sql/connection.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::auth {

enum class TokenPurpose { password_reset, email_change, invitation };

// How long a link may wait in a mailbox.
std::chrono::seconds token_ttl(TokenPurpose purpose);

struct OneTimeToken {
    TokenPurpose purpose = TokenPurpose::password_reset;
    std::string user_id;
    std::string email;  // that the mail goes to: who holds the token reads it
};

// Makes a token and gives its ticket.
std::string add_token(sql::Connection& connection, const identity::ServiceKey& key, const OneTimeToken& token,
                      TimePoint now);

// nullopt for a token that never was, is used, or too old. take_token() uses it.
std::optional<OneTimeToken> find_token(sql::Connection& connection, std::string_view token, TimePoint now);
std::optional<OneTimeToken> take_token(sql::Connection& connection, std::string_view token, TimePoint now);

// Those of all purposes: after a new password nothing that was mailed before is of use.
void remove_tokens(sql::Connection& connection, std::string_view user_id);

// Who wants to become a user and has not shown yet that the address is theirs. Nothing of it is a user: no name is
// taken by it.
struct Registration {
    std::string username;
    std::string email;
    std::string password_hash;
};
std::string add_registration(sql::Connection& connection, const identity::ServiceKey& key,
                             const Registration& registration, TimePoint now);
std::optional<Registration> take_registration(sql::Connection& connection, std::string_view token, TimePoint now);

// Counts a mail to the address; false when it got enough of them in the last hour. Also asked for addresses that nobody
// has, so that the answer and the time are the same.
bool may_mail(sql::Connection& connection, std::string_view email, TimePoint now);

}  // namespace gatehouse::auth
