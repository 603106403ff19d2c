// SPDX-License-Identifier: Apache-2.0
#include "auth/token_store.hpp"

#include "auth/names.hpp"
#include "base/encoding.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/sha256.hpp"
#include "identity/one_time_token.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::auth {

namespace {

using std::chrono::hours;

constexpr std::int64_t mails_per_hour = 5;
constexpr std::int64_t swept_at_once = 100;
constexpr hours registration_ttl{24};

struct PurposeName {
    TokenPurpose purpose;
    std::string_view name;
    hours ttl;
};
constexpr PurposeName purposes[] = {
    {TokenPurpose::password_reset, "password_reset", hours{1}},
    {TokenPurpose::email_change, "email_change", hours{24}},
    {TokenPurpose::invitation, "invitation", hours{7 * 24}},
};

const PurposeName& find_purpose(TokenPurpose purpose)
{
    return *std::ranges::find(purposes, purpose, &PurposeName::purpose);
}

std::string hash_of(std::string_view token) { return to_base64url(sha256(token)); }

struct NewTicket {
    std::string ticket;
    std::string hash;  // of its token
};
NewTicket make(const identity::ServiceKey& key)
{
    std::string ticket = identity::make_ticket();
    Secret token = identity::one_time_token(key, ticket);
    return {std::move(ticket), hash_of(token.reveal())};
}

}  // namespace

std::chrono::seconds token_ttl(TokenPurpose purpose) { return find_purpose(purpose).ttl; }

std::string add_token(sql::Connection& connection, const identity::ServiceKey& key, const OneTimeToken& token,
                      TimePoint now)
{
    const PurposeName& purpose = find_purpose(token.purpose);
    auto made = make(key);
    // Also those that are over, whoever's they were.
    connection.execute("DELETE FROM one_time_tokens WHERE expires_at < ?", {to_unix_ms(now)});
    connection.execute("DELETE FROM one_time_tokens WHERE user_id = ? AND purpose = ?",
                       {token.user_id, std::string(purpose.name)});
    connection.execute("INSERT INTO one_time_tokens (hash, purpose, user_id, email, created_at, expires_at) "
                       "VALUES (?, ?, ?, ?, ?, ?)",
                       {made.hash, std::string(purpose.name), token.user_id, token.email, to_unix_ms(now),
                        to_unix_ms(now + purpose.ttl)});
    return made.ticket;
}

std::optional<OneTimeToken> find_token(sql::Connection& connection, std::string_view token, TimePoint now)
{
    auto rows = connection.query("SELECT purpose, user_id, email FROM one_time_tokens WHERE hash = ? AND "
                                 "expires_at > ?",
                                 {hash_of(token), to_unix_ms(now)});
    if (rows.empty())
        return std::nullopt;
    const auto* purpose = std::ranges::find(purposes, std::string_view(rows[0].text(0)), &PurposeName::name);
    GH_ASSERT(purpose != std::end(purposes));
    return OneTimeToken{purpose->purpose, rows[0].text(1), rows[0].find_text(2).value_or("")};
}

std::optional<OneTimeToken> take_token(sql::Connection& connection, std::string_view token, TimePoint now)
{
    auto found = find_token(connection, token, now);
    // Of two at the same moment one removes it.
    if (!found || connection.execute("DELETE FROM one_time_tokens WHERE hash = ?", {hash_of(token)}) == 0)
        return std::nullopt;
    return found;
}

void remove_tokens(sql::Connection& connection, std::string_view user_id)
{
    connection.execute("DELETE FROM one_time_tokens WHERE user_id = ?", {std::string(user_id)});
}

std::string add_registration(sql::Connection& connection, const identity::ServiceKey& key,
                             const Registration& registration, TimePoint now)
{
    auto made = make(key);
    connection.execute("DELETE FROM registrations WHERE expires_at < ?", {to_unix_ms(now)});
    connection.execute("INSERT INTO registrations (hash, username, email, password_hash, expires_at) "
                       "VALUES (?, ?, ?, ?, ?)",
                       {made.hash, registration.username, registration.email, registration.password_hash,
                        to_unix_ms(now + registration_ttl)});
    return made.ticket;
}

std::optional<Registration> take_registration(sql::Connection& connection, std::string_view token, TimePoint now)
{
    auto rows = connection.query("SELECT username, email, password_hash FROM registrations WHERE hash = ? AND "
                                 "expires_at > ?",
                                 {hash_of(token), to_unix_ms(now)});
    if (rows.empty() || connection.execute("DELETE FROM registrations WHERE hash = ?", {hash_of(token)}) == 0)
        return std::nullopt;
    return Registration{rows[0].text(0), rows[0].text(1), rows[0].text(2)};
}

bool may_mail(sql::Connection& connection, std::string_view email, TimePoint now)
{
    // The address itself is of nobody's concern here.
    std::string address = hash_of(fold_name(email).value_or(""));
    std::int64_t hour_ago = to_unix_ms(now - hours{1});
    connection.execute("DELETE FROM requested_mails WHERE id IN (SELECT id FROM (SELECT id FROM requested_mails WHERE "
                       "requested_at < ? LIMIT ?) AS old)",
                       {hour_ago, swept_at_once});
    auto rows = connection.query("SELECT COUNT(*) FROM requested_mails WHERE address = ? AND requested_at > ?",
                                 {address, hour_ago});
    if (rows.at(0).integer(0) >= mails_per_hour)
        return false;
    connection.execute("INSERT INTO requested_mails (id, address, requested_at) VALUES (?, ?, ?)",
                       {make_id(), address, to_unix_ms(now)});
    return true;
}

}  // namespace gatehouse::auth
