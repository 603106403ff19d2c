// SPDX-License-Identifier: Apache-2.0
#include "auth/key_store.hpp"

#include "identity/token.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

std::string place_of(std::string_view kid) { return fmt::format("the signing key {}", kid); }

}  // namespace

std::optional<identity::Algorithm> find_algorithm(std::string_view name)
{
    using identity::Algorithm;
    for (Algorithm algorithm : {Algorithm::eddsa, Algorithm::es256, Algorithm::rs256})
        if (name == to_string(algorithm))
            return algorithm;
    return std::nullopt;
}

std::vector<StoredKey> load_keys(sql::Connection& connection, const SecretBox& box)
{
    auto rows = connection.query("SELECT kid, algorithm, private_pem, created_at, retired_at FROM signing_keys "
                                 "ORDER BY CASE state WHEN 'active' THEN 0 ELSE 1 END, created_at DESC, kid");
    std::vector<StoredKey> keys;
    for (const sql::Row& row : rows) {
        auto algorithm = find_algorithm(row.text(1));
        if (!algorithm)
            throw std::runtime_error(
                fmt::format("the signing key {} is for {}, which is not known here", row.text(0), row.text(1)));
        StoredKey key{identity::SigningKey::from_pem(box.open(row.text(2), place_of(row.text(0))), *algorithm),
                      from_unix_ms(row.integer(3)),
                      {}};
        if (key.key.id() != row.text(0))
            throw std::runtime_error(fmt::format("the signing key {} is another one than it says", row.text(0)));
        if (auto retired = row.find_integer(4))
            key.retired_at = from_unix_ms(*retired);
        keys.push_back(std::move(key));
    }
    return keys;
}

std::size_t seal_plain_keys(sql::Connection& connection, const SecretBox& box)
{
    std::size_t sealed = 0;
    for (const sql::Row& row : connection.query("SELECT kid, private_pem FROM signing_keys")) {
        if (SecretBox::is_sealed(row.text(1)))
            continue;
        connection.execute("UPDATE signing_keys SET private_pem = ? WHERE kid = ?",
                           {box.seal(Secret(row.text(1)), place_of(row.text(0))), row.text(0)});
        ++sealed;
    }
    return sealed;
}

identity::SigningKey rotate_key(sql::Connection& connection, const SecretBox& box, identity::Algorithm algorithm,
                                TimePoint now)
{
    auto key = identity::SigningKey::generate(algorithm);
    connection.execute("UPDATE signing_keys SET state = 'retired', retired_at = ? WHERE state = 'active'",
                       {to_unix_ms(now)});
    connection.execute(
        "INSERT INTO signing_keys (kid, algorithm, private_pem, state, created_at) "
        "VALUES (?, ?, ?, 'active', ?)",
        {key.id(), std::string(to_string(algorithm)), box.seal(key.to_pem(), place_of(key.id())), to_unix_ms(now)});
    return key;
}

void sweep_keys(sql::Connection& connection, TimePoint before)
{
    connection.execute("DELETE FROM signing_keys WHERE state = 'retired' AND retired_at < ?", {to_unix_ms(before)});
}

std::chrono::seconds key_overlap(std::chrono::seconds access_token_ttl)
{
    // Twice the leeway: one for verifiers whose clock is behind, one for signers that learn of the rotation late.
    return access_token_ttl + 2 * identity::TokenRules{}.leeway;
}

}  // namespace gatehouse::auth
