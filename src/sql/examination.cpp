// SPDX-License-Identifier: Apache-2.0
#include "sql/examination.hpp"

namespace gatehouse::sql {

namespace {

bool has_versions(Connection& connection)
{
    std::string_view look = connection.dialect() == Dialect::sqlite
                                ? "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
                                : "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() "
                                  "AND table_name = 'schema_migrations'";
    return !connection.query(look).empty();
}

}  // namespace

Examination examine(Connection& connection, bool look_for_damage)
{
    Examination result;
    if (connection.dialect() == Dialect::mysql) {
        auto now = connection.query("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)");
        result.time = from_unix_ms(now.at(0).integer(0));
    } else if (look_for_damage) {
        auto rows = connection.query("PRAGMA quick_check(1)");
        if (rows.empty() || rows[0].text(0) != "ok")
            result.damage = rows.empty() ? std::string("it cannot be checked") : rows[0].text(0);
    }
    if (!has_versions(connection))
        return result;
    for (const Row& row : connection.query("SELECT component, MAX(version) FROM schema_migrations GROUP BY component"))
        result.versions[row.text(0)] = static_cast<int>(row.integer(1));
    return result;
}

}  // namespace gatehouse::sql
