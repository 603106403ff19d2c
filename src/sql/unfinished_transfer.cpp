// SPDX-License-Identifier: Apache-2.0
// A row of schema_migrations, of a component that no schema has.
#include "sql/unfinished_transfer.hpp"

#include "sql/examination.hpp"

namespace gatehouse::sql {

namespace {

const std::string component = "unfinished transfer";

}  // namespace

void mark_unfinished(Connection& connection, const std::string& origin)
{
    connection.execute("INSERT INTO schema_migrations (component, version, name, applied_at) VALUES (?, 1, ?, 0)",
                       {component, origin});
}

void clear_unfinished(Connection& connection)
{
    connection.execute("DELETE FROM schema_migrations WHERE component = ?", {component});
}

std::optional<std::string> find_unfinished(Connection& connection)
{
    if (!examine(connection, false).versions.contains(component))
        return std::nullopt;
    return connection.query("SELECT name FROM schema_migrations WHERE component = ?", {component}).at(0).text(0);
}

}  // namespace gatehouse::sql
