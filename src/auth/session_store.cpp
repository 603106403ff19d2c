// SPDX-License-Identifier: Apache-2.0
#include "auth/session_store.hpp"

#include "auth/revocation_store.hpp"
#include "base/encoding.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/random.hpp"
#include "base/sha256.hpp"

#include <fmt/format.h>

#include <sodium.h>

#include <algorithm>

namespace gatehouse::auth {

namespace {

constexpr std::size_t family_bytes = 16;
constexpr std::size_t secret_bytes = 32;
constexpr std::int64_t swept_at_once = 100;
constexpr std::size_t address_bytes_max = 64;
constexpr std::size_t user_agent_bytes_max = 255;

constexpr std::string_view select_sessions = "SELECT id, user_id, created_at, COALESCE(last_used_at, rotated_at), "
                                             "expires_at, address, user_agent FROM sessions WHERE ";

Session read_session(const sql::Row& row)
{
    Session session;
    session.id = row.text(0);
    session.user_id = row.text(1);
    session.created_at = from_unix_ms(row.integer(2));
    session.last_used_at = from_unix_ms(row.integer(3));
    session.expires_at = from_unix_ms(row.integer(4));
    session.address = row.find_text(5).value_or("");
    session.user_agent = row.find_text(6).value_or("");
    return session;
}

// What a client calls itself, fit to be shown and kept.
std::string printable(std::string_view text)
{
    std::string kept(text.substr(0, user_agent_bytes_max));
    std::ranges::replace_if(kept, [](char c) { return c < ' ' || c > '~'; }, '?');
    return kept;
}

// A refresh token taken apart.
struct Token {
    std::string bytes;

    static std::optional<Token> parse(std::string_view text)
    {
        if (text.size() > 2 * (family_bytes + secret_bytes))
            return std::nullopt;
        auto bytes = from_base64url(text);
        if (!bytes || bytes->size() != family_bytes + secret_bytes)
            return std::nullopt;
        return Token{std::move(*bytes)};
    }

    std::string family_hash() const { return to_base64url(sha256(std::string_view(bytes).substr(0, family_bytes))); }
    std::string hash() const { return to_base64url(sha256(bytes)); }
    Secret text() const { return Secret(to_base64url(bytes)); }

    Token successor(const std::string& rotation_key) const
    {
        static_assert(crypto_auth_hmacsha256_KEYBYTES == secret_bytes && crypto_auth_hmacsha256_BYTES == secret_bytes);
        GH_ASSERT(rotation_key.size() == secret_bytes);
        std::string secret(secret_bytes, '\0');
        crypto_auth_hmacsha256(reinterpret_cast<unsigned char*>(secret.data()),
                               reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                               reinterpret_cast<const unsigned char*>(rotation_key.data()));
        return Token{bytes.substr(0, family_bytes) + secret};
    }
};

// Sessions that nobody can use any more, a few at a time.
void sweep(sql::Connection& connection, TimePoint now)
{
    connection.execute("DELETE FROM sessions WHERE id IN "
                       "(SELECT id FROM (SELECT id FROM sessions WHERE expires_at < ? LIMIT ?) AS expired)",
                       {to_unix_ms(now), swept_at_once});
}

}  // namespace

NewSession open_session(sql::Connection& connection, const SessionForm& form, TimePoint now)
{
    sweep(connection, now);
    Token token{random_bytes(family_bytes + secret_bytes)};
    NewSession session{make_id(), token.text()};
    connection.execute("INSERT INTO sessions (id, user_id, family_hash, refresh_hash, rotation_key, rotated_at, "
                       "created_at, last_used_at, expires_at, ends_at, address, user_agent) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       {session.id, form.user_id, token.family_hash(), token.hash(),
                        to_base64url(random_bytes(secret_bytes)), to_unix_ms(now), to_unix_ms(now), to_unix_ms(now),
                        to_unix_ms(now + std::min(form.idle_ttl, form.ttl)), to_unix_ms(now + form.ttl),
                        form.address.substr(0, address_bytes_max), printable(form.user_agent)});
    return session;
}

Refresh refresh_session(sql::Connection& connection, std::string_view refresh_token, TimePoint now,
                        std::chrono::seconds idle_ttl)
{
    auto token = Token::parse(refresh_token);
    if (!token)
        return {};
    auto rows =
        connection.query("SELECT id, user_id, refresh_hash, previous_hash, rotation_key, rotated_at, expires_at, "
                         "ended_at, ends_at FROM sessions WHERE family_hash = ?",
                         {token->family_hash()});
    if (rows.empty())
        return {};
    const sql::Row& row = rows[0];
    Refresh refresh;
    refresh.session_id = row.text(0);
    refresh.user_id = row.text(1);
    if (!row.is_null(7) || to_unix_ms(now) >= row.integer(6)) {
        refresh.outcome = Refresh::Outcome::over;
        return refresh;
    }

    std::string hash = token->hash();
    Token next = token->successor(from_base64url(row.text(4)).value());
    if (constant_time_equal(hash, row.text(2))) {
        // Sessions of an older version have no end but this one.
        std::int64_t expires_at = to_unix_ms(now + idle_ttl);
        if (auto ends_at = row.find_integer(8))
            expires_at = std::min(expires_at, *ends_at);
        connection.execute("UPDATE sessions SET refresh_hash = ?, previous_hash = ?, rotated_at = ?, "
                           "last_used_at = ?, expires_at = ? WHERE id = ?",
                           {next.hash(), hash, to_unix_ms(now), to_unix_ms(now), expires_at, refresh.session_id});
    } else if (row.find_text(3) != hash || now - from_unix_ms(row.integer(5)) > refresh_grace) {
        end_session(connection, refresh.session_id, now);
        refresh.outcome = Refresh::Outcome::reused;
        return refresh;
    }
    // Within the grace `next` is the session's newest token already.
    refresh.outcome = Refresh::Outcome::rotated;
    refresh.refresh_token = next.text();
    return refresh;
}

std::optional<OwnedSession> find_session(sql::Connection& connection, std::string_view refresh_token)
{
    auto token = Token::parse(refresh_token);
    if (!token)
        return std::nullopt;
    auto rows = connection.query("SELECT id, user_id FROM sessions WHERE family_hash = ?", {token->family_hash()});
    if (rows.empty())
        return std::nullopt;
    return OwnedSession{rows[0].text(0), rows[0].text(1)};
}

bool is_session_open(sql::Connection& connection, std::string_view id, TimePoint now)
{
    auto rows = connection.query("SELECT COUNT(*) FROM sessions WHERE id = ? AND ended_at IS NULL AND expires_at > ?",
                                 {std::string(id), to_unix_ms(now)});
    return rows.at(0).integer(0) == 1;
}

std::vector<Session> list_sessions(sql::Connection& connection, std::string_view user_id, TimePoint now,
                                   std::size_t limit)
{
    auto rows = connection.query(fmt::format("{}user_id = ? AND ended_at IS NULL AND expires_at > ? "
                                             "ORDER BY created_at DESC, id DESC LIMIT ?",
                                             select_sessions),
                                 {std::string(user_id), to_unix_ms(now), static_cast<std::int64_t>(limit)});
    std::vector<Session> sessions;
    for (const sql::Row& row : rows)
        sessions.push_back(read_session(row));
    return sessions;
}

std::optional<Session> find_open_session(sql::Connection& connection, std::string_view id, TimePoint now)
{
    auto rows = connection.query(fmt::format("{}id = ? AND ended_at IS NULL AND expires_at > ?", select_sessions),
                                 {std::string(id), to_unix_ms(now)});
    if (rows.empty())
        return std::nullopt;
    return read_session(rows[0]);
}

bool end_session(sql::Connection& connection, std::string_view id, TimePoint now)
{
    bool ended = connection.execute("UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL",
                                    {to_unix_ms(now), std::string(id)}) > 0;
    if (ended)
        revoke_session(connection, id, now);
    return ended;
}

void end_sessions_of(sql::Connection& connection, std::string_view user_id, std::string_view but_id, TimePoint now)
{
    if (but_id.empty()) {
        connection.execute("UPDATE sessions SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL",
                           {to_unix_ms(now), std::string(user_id)});
        revoke_user(connection, user_id, now);
        return;
    }
    auto rows = connection.query(
        "SELECT id FROM sessions WHERE user_id = ? AND id <> ? AND ended_at IS NULL AND expires_at > ?",
        {std::string(user_id), std::string(but_id), to_unix_ms(now)});
    for (const sql::Row& row : rows)
        end_session(connection, row.text(0), now);
}

}  // namespace gatehouse::auth
