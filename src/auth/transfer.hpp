// SPDX-License-Identifier: Apache-2.0
// What `gatehouse migrate` must know of the role's store: which tables go to another one, and whether what is encrypted
// can be read there. Functions on a connection: the caller gives the transaction. Blocks.
#pragma once

#include "auth/secret_box.hpp"
#include "sql/database.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::auth {

// Brings the schema to its newest version, as a start of the role does.
void make_tables(sql::Database& database);

// In an order in which rows can be brought: what they refer to is there already. Removed in the opposite one.
const std::vector<std::string>& transferred_tables();
// What does not go: the events of the outbox go to the queues instead, and each database counts its schema's steps.
const std::vector<std::string>& tables_left_behind();

// A table of which nobody has said whether it goes: then nothing may go.
std::optional<std::string> find_unknown_table(sql::Connection& connection);

// What a store holds beside what every new one does, as "users (3 rows)"; empty: nothing.
std::vector<std::string> list_content(sql::Connection& connection);

// Why what the store keeps encrypted (signing keys, second factors) cannot be read with this box; nullopt when it can.
std::optional<std::string> find_sealed_error(sql::Connection& connection, const SecretBox& box);

struct WaitingEvent {
    std::string id;
    std::string body;  // as events::parse_event() takes it
};
// The outbox behind the event `after` (empty at first), in the order of ids, which is that of time.
std::vector<WaitingEvent> list_outbox(sql::Connection& connection, const std::string& after, std::size_t limit);

}  // namespace gatehouse::auth
