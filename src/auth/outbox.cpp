// SPDX-License-Identifier: Apache-2.0
#include "auth/outbox.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

void add_to_outbox(sql::Connection& connection, const events::Event& event)
{
    connection.execute("INSERT INTO outbox (id, event) VALUES (?, ?)", {event.id, events::to_json(event)});
}

std::vector<events::Event> take_from_outbox(sql::Connection& connection, std::string_view owner, TimePoint now,
                                            std::size_t limit)
{
    // Other processes go on with the rows behind those that are being taken.
    std::string_view locking = connection.dialect() == sql::Dialect::mysql ? " FOR UPDATE SKIP LOCKED" : "";
    auto rows = connection.query(fmt::format("SELECT id, event FROM outbox WHERE lease_owner IS NULL OR "
                                             "lease_owner = ? OR lease_until <= ? ORDER BY id LIMIT ?{}",
                                             locking),
                                 {std::string(owner), to_unix_ms(now), static_cast<std::int64_t>(limit)});
    std::vector<events::Event> events;
    for (const sql::Row& row : rows) {
        connection.execute("UPDATE outbox SET lease_owner = ?, lease_until = ? WHERE id = ?",
                           {std::string(owner), to_unix_ms(now + outbox_lease), row.text(0)});
        auto event = events::parse_event(row.text(1));
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
