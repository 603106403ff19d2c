// SPDX-License-Identifier: Apache-2.0
#include "auth/key_store.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

std::string place_of(std::string_view kid) { return fmt::format("the signing key {}", kid); }

}  // namespace

std::string_view state_of(const StoredKey& key, TimePoint now)
{
    if (key.retires_at && *key.retires_at <= now)
        return "retired";
    return key.activates_at <= now ? "active" : "next";
}

std::vector<StoredKey> load_keys(sql::Connection& connection, const SecretBox& box)
{
    auto rows = connection.query("SELECT kid, algorithm, private_pem, created_at, activates_at FROM signing_keys "
                                 "ORDER BY activates_at DESC, kid");
    std::vector<StoredKey> keys;
    for (const sql::Row& row : rows) {
        auto algorithm = identity::find_algorithm(row.text(1));
        if (!algorithm)
            throw std::runtime_error(
                fmt::format("the signing key {} is for {}, which is not known here", row.text(0), row.text(1)));
        StoredKey key{identity::SigningKey::from_pem(box.open(row.text(2), place_of(row.text(0))), *algorithm),
                      from_unix_ms(row.integer(3)), from_unix_ms(row.integer(4)), std::nullopt};
        if (key.key.id() != row.text(0))
            throw std::runtime_error(fmt::format("the signing key {} is another one than it says", row.text(0)));
        if (!keys.empty())
            key.retires_at = keys.back().activates_at;
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

identity::SigningKey add_key(sql::Connection& connection, const SecretBox& box, const NewKey& wanted)
{
    auto key = identity::SigningKey::generate(wanted.algorithm);
    std::int64_t activates_at = to_unix_ms(wanted.activates_at);
    connection.execute("UPDATE signing_keys SET activates_at = ? WHERE activates_at >= ?",
                       {activates_at - 1, activates_at});
    connection.execute("INSERT INTO signing_keys (kid, algorithm, private_pem, created_at, activates_at) "
                       "VALUES (?, ?, ?, ?, ?)",
                       {key.id(), std::string(to_string(wanted.algorithm)), box.seal(key.to_pem(), place_of(key.id())),
                        to_unix_ms(wanted.created_at), activates_at});
    return key;
}

AuditEntry rotation_entry(const identity::SigningKey& key, TimePoint activates_at, std::string_view actor)
{
    AuditEntry entry;
    entry.type = "key.rotated";
    entry.actor = actor;
    entry.target = key.id();
    entry.details["algorithm"] = to_string(key.algorithm());
    entry.details["signs_from"] = format_rfc3339(activates_at);
    return entry;
}

void sweep_keys(sql::Connection& connection, TimePoint before)
{
    auto rows = connection.query("SELECT kid, activates_at FROM signing_keys ORDER BY activates_at DESC, kid");
    for (std::size_t i = 1; i < rows.size(); ++i)
        if (rows[i - 1].integer(1) < to_unix_ms(before))
            connection.execute("DELETE FROM signing_keys WHERE kid = ?", {rows[i].text(0)});
}

}  // namespace gatehouse::auth
