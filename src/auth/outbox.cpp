// SPDX-License-Identifier: Apache-2.0
#include "auth/outbox.hpp"

namespace gatehouse::auth {

void add_to_outbox(sql::Connection& connection, const events::Event& event)
{
    connection.execute("INSERT INTO outbox (id, event) VALUES (?, ?)", {event.id, events::to_json(event)});
}

std::vector<events::Event> read_outbox(sql::Connection& connection, std::size_t limit)
{
    auto rows = connection.query("SELECT event FROM outbox ORDER BY id LIMIT ?", {static_cast<std::int64_t>(limit)});
    std::vector<events::Event> events;
    for (const sql::Row& row : rows) {
        auto event = events::parse_event(row.text(0));
        // We wrote it ourselves.
        GH_ASSERT(event.has_value());
        events.push_back(std::move(*event));
    }
    return events;
}

void clear_from_outbox(sql::Connection& connection, const std::vector<std::string>& ids)
{
    for (const std::string& id : ids)
        connection.execute("DELETE FROM outbox WHERE id = ?", {id});
}

}  // namespace gatehouse::auth
