// SPDX-License-Identifier: Apache-2.0
#include "auth/transfer.hpp"

#include "auth/examination.hpp"
#include "auth/schema.hpp"
#include "auth/totp_store.hpp"
#include "base/error.hpp"
#include "sql/table_transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace gatehouse::auth {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view wanted)
{
    return std::ranges::find(list, wanted) != list.end();
}

}  // namespace

void make_tables(sql::Database& database) { migrate(database); }

const std::vector<std::string>& transferred_tables()
{
    static const std::vector<std::string> tables{
        "users",      "login_names",    "roles",           "role_permissions",   "user_roles",     "recovery_codes",
        "sessions",   "signing_keys",   "setup_tokens",    "revocation_counter", "revocations",    "audit",
        "audit_head", "login_attempts", "one_time_tokens", "registrations",      "requested_mails"};
    return tables;
}

const std::vector<std::string>& tables_left_behind()
{
    static const std::vector<std::string> tables{"outbox", "schema_migrations", "schema_progress"};
    return tables;
}

std::optional<std::string> find_unknown_table(sql::Connection& connection)
{
    for (const std::string& table : sql::list_tables(connection))
        if (!contains(transferred_tables(), table) && !contains(tables_left_behind(), table))
            return table;
    return std::nullopt;
}

std::vector<std::string> list_content(sql::Connection& connection)
{
    std::vector<std::string> content;
    auto tables = transferred_tables();
    tables.emplace_back("outbox");
    for (const std::string& table : tables) {
        // These two have a row from the beginning, which counts nothing yet.
        bool counts = table == "revocation_counter" || table == "audit_head";
        auto rows =
            connection.query(fmt::format("SELECT COUNT(*) FROM {}{}", table, counts ? " WHERE number <> 0" : ""))
                .at(0)
                .integer(0);
        if (rows > 0)
            content.push_back(fmt::format("{} ({} row{})", table, rows, rows == 1 ? "" : "s"));
    }
    return content;
}

std::optional<std::string> find_sealed_error(sql::Connection& connection, const SecretBox& box)
{
    if (auto error = find_key_error(connection, box))
        return error;
    try {
        check_totp_secrets(connection, box);
    } catch (const Unavailable&) {
        throw;
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return std::nullopt;
}

std::vector<WaitingEvent> list_outbox(sql::Connection& connection, const std::string& after, std::size_t limit)
{
    std::vector<WaitingEvent> events;
    for (const sql::Row& row : connection.query("SELECT id, event FROM outbox WHERE id > ? ORDER BY id LIMIT ?",
                                                {after, static_cast<std::int64_t>(limit)}))
        events.push_back({row.text(0), row.text(1)});
    return events;
}

}  // namespace gatehouse::auth
