// SPDX-License-Identifier: Apache-2.0
#include "auth/setup_store.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/sha256.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::size_t token_bytes = 32;

std::string hash_of(std::string_view token) { return to_base64url(sha256(token)); }

}  // namespace

Secret make_setup_token(sql::Connection& connection, TimePoint now)
{
    clear_setup_tokens(connection);
    std::string token = to_base64url(random_bytes(token_bytes));
    connection.execute("INSERT INTO setup_tokens (hash, expires_at) VALUES (?, ?)",
                       {hash_of(token), to_unix_ms(now + setup_token_ttl)});
    return Secret(std::move(token));
}

bool is_setup_token(sql::Connection& connection, std::string_view token, TimePoint now)
{
    auto rows = connection.query("SELECT expires_at FROM setup_tokens WHERE hash = ?", {hash_of(token)});
    return !rows.empty() && to_unix_ms(now) < rows[0].integer(0);
}

void clear_setup_tokens(sql::Connection& connection) { connection.execute("DELETE FROM setup_tokens"); }

}  // namespace gatehouse::auth
