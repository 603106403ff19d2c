// SPDX-License-Identifier: Apache-2.0
#include "auth/totp_store.hpp"

#include "auth/totp.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/sha256.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

constexpr std::size_t recovery_codes_count = 10;
constexpr std::size_t recovery_code_bytes = 10;
constexpr std::size_t group_characters = 4;
constexpr std::int64_t secrets_checked_max = 1000;  // one key encrypts them all

std::string place_of(std::string_view user_id) { return fmt::format("totp {}", user_id); }

struct Stored {
    Secret secret;
    bool enabled = false;
    std::optional<std::int64_t> last_step;
};

std::optional<Stored> find(sql::Connection& connection, const SecretBox& secrets, std::string_view user_id)
{
    auto rows = connection.query("SELECT totp_secret, totp_enabled_at, totp_last_step FROM users WHERE id = ?",
                                 {std::string(user_id)});
    if (rows.empty() || rows[0].is_null(0))
        return std::nullopt;
    auto secret = secrets.open(rows[0].text(0), place_of(user_id));
    return Stored{std::move(secret), !rows[0].is_null(1), rows[0].find_integer(2)};
}

// "abcd-efgh-ijkl-mnop"
std::string make_recovery_code()
{
    std::string letters = to_base32(random_bytes(recovery_code_bytes));
    std::string code;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        if (i > 0 && i % group_characters == 0)
            code += '-';
        code += static_cast<char>(letters[i] >= 'A' ? letters[i] - 'A' + 'a' : letters[i]);
    }
    return code;
}

// However it is typed. 80 random bits need no slow hash.
std::string recovery_hash(std::string_view user_id, std::string_view code)
{
    std::string plain;
    for (char c : code)
        if (c != '-' && c != ' ')
            plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return to_base64url(sha256(fmt::format("{}:{}", user_id, plain)));
}

}  // namespace

void check_totp_secrets(sql::Connection& connection, const SecretBox& secrets)
{
    for (const sql::Row& row : connection.query(
             "SELECT id, totp_secret FROM users WHERE totp_secret IS NOT NULL LIMIT ?", {secrets_checked_max}))
        secrets.open(row.text(1), place_of(row.text(0)));
}

Secret begin_totp(sql::Connection& connection, const SecretBox& secrets, std::string_view user_id)
{
    Secret secret = make_totp_secret();
    connection.execute("UPDATE users SET totp_secret = ?, totp_enabled_at = NULL, totp_last_step = NULL WHERE id = ?",
                       {secrets.seal(secret, place_of(user_id)), std::string(user_id)});
    return secret;
}

std::optional<std::vector<std::string>> confirm_totp(sql::Connection& connection, const SecretBox& secrets,
                                                     std::string_view user_id, std::string_view code, TimePoint now)
{
    auto stored = find(connection, secrets, user_id);
    if (!stored || stored->enabled)
        return std::nullopt;
    auto step = match_totp(stored->secret.reveal(), code, now, std::nullopt);
    if (!step)
        return std::nullopt;
    std::string id(user_id);
    connection.execute("UPDATE users SET totp_enabled_at = ?, totp_last_step = ? WHERE id = ?",
                       {to_unix_ms(now), *step, id});
    connection.execute("DELETE FROM recovery_codes WHERE user_id = ?", {id});
    std::vector<std::string> codes;
    for (std::size_t i = 0; i < recovery_codes_count; ++i) {
        codes.push_back(make_recovery_code());
        connection.execute("INSERT INTO recovery_codes (user_id, hash) VALUES (?, ?)",
                           {id, recovery_hash(user_id, codes.back())});
    }
    return codes;
}

OtpOutcome use_otp(sql::Connection& connection, const SecretBox& secrets, std::string_view user_id,
                   std::string_view code, TimePoint now)
{
    auto stored = find(connection, secrets, user_id);
    if (!stored || !stored->enabled)
        return OtpOutcome::wrong;
    std::string id(user_id);
    if (auto step = match_totp(stored->secret.reveal(), code, now, stored->last_step)) {
        // Of two with the same code one gets in.
        auto used = connection.execute("UPDATE users SET totp_last_step = ? WHERE id = ? AND "
                                       "(totp_last_step IS NULL OR totp_last_step < ?)",
                                       {*step, id, *step});
        return used > 0 ? OtpOutcome::totp : OtpOutcome::wrong;
    }
    auto used = connection.execute("DELETE FROM recovery_codes WHERE user_id = ? AND hash = ?",
                                   {id, recovery_hash(user_id, code)});
    return used > 0 ? OtpOutcome::recovery_code : OtpOutcome::wrong;
}

void remove_totp(sql::Connection& connection, std::string_view user_id)
{
    std::string id(user_id);
    connection.execute(
        "UPDATE users SET totp_secret = NULL, totp_enabled_at = NULL, totp_last_step = NULL WHERE id = ?", {id});
    connection.execute("DELETE FROM recovery_codes WHERE user_id = ?", {id});
}

}  // namespace gatehouse::auth
