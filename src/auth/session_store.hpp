// SPDX-License-Identifier: Apache-2.0
// Sessions in the store, and the rotation of their refresh tokens. Functions on a connection: the caller gives the
// transaction.
//
// A refresh token is  base64url( family, 16 bytes | secret, 32 bytes ).  The family stays for the whole session, the
// secret is good for one refresh. A token of a known family with a used secret is a stolen token or its victim's: the
// session ends. Only hashes are stored, and a key from which the next secret follows, given the last: two tabs that
// refresh at the same moment get the same new token.
#pragma once

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "sql/connection.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

// How long the token before the newest is still taken.
inline constexpr std::chrono::seconds refresh_grace{10};

struct NewSession {
    std::string id;
    Secret refresh_token;
};
struct SessionForm {
    std::string user_id;
    std::chrono::seconds idle_ttl{0};  // without a refresh it is over after this time
    std::chrono::seconds ttl{0};       // and at last after this one
    std::string address, user_agent;   // of who logged in
};
NewSession open_session(sql::Connection& connection, const SessionForm& form, TimePoint now);

struct Refresh {
    enum class Outcome { rotated, unknown, over, reused };
    Outcome outcome = Outcome::unknown;
    std::string session_id, user_id;  // unless unknown
    Secret refresh_token;             // when rotated
};
// A reused token ends its session.
Refresh refresh_session(sql::Connection& connection, std::string_view refresh_token, TimePoint now,
                        std::chrono::seconds idle_ttl);

struct OwnedSession {
    std::string id, user_id;
};
// The session that the token, used or not, belongs to.
std::optional<OwnedSession> find_session(sql::Connection& connection, std::string_view refresh_token);

bool is_session_open(sql::Connection& connection, std::string_view id, TimePoint now);

struct Session {
    std::string id, user_id;
    TimePoint created_at, last_used_at, expires_at;
    std::string address, user_agent;
};
// The open ones, the newest first.
std::vector<Session> list_sessions(sql::Connection& connection, std::string_view user_id, TimePoint now,
                                   std::size_t limit);
std::optional<Session> find_open_session(sql::Connection& connection, std::string_view id, TimePoint now);

// Both revoke the sessions' access tokens, too.
bool end_session(sql::Connection& connection, std::string_view id, TimePoint now);  // false: was over already
void end_sessions_of(sql::Connection& connection, std::string_view user_id, std::string_view but_id, TimePoint now);

}  // namespace gatehouse::auth
