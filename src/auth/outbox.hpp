// SPDX-License-Identifier: Apache-2.0
// Events that were committed together with a change and wait to be announced. Functions on a connection: the caller
// gives the transaction.
#pragma once

#include "base/clock.hpp"
#include "events/event.hpp"
#include "sql/connection.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

void add_to_outbox(sql::Connection& connection, const events::Event& event);

// How long nobody else gets what one process took: longer than publishing takes. Who died gives it up that way.
inline constexpr std::chrono::seconds outbox_lease{30};

// Takes the oldest events for `owner`, a name of the process; what it had before is given again at once.
std::vector<events::Event> take_from_outbox(sql::Connection& connection, std::string_view owner, TimePoint now,
                                            std::size_t limit);
void clear_from_outbox(sql::Connection& connection, const std::vector<std::string>& ids);

}  // namespace gatehouse::auth
