// SPDX-License-Identifier: Apache-2.0
// Events that were committed together with a change and wait to be announced. Functions on a connection: the caller
// gives the transaction.
#pragma once

#include "events/event.hpp"
#include "sql/connection.hpp"

#include <string>
#include <vector>

namespace gatehouse::auth {

void add_to_outbox(sql::Connection& connection, const events::Event& event);
std::vector<events::Event> read_outbox(sql::Connection& connection, std::size_t limit);  // oldest first
void clear_from_outbox(sql::Connection& connection, const std::vector<std::string>& ids);

}  // namespace gatehouse::auth
