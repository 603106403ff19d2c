// SPDX-License-Identifier: Apache-2.0
#include "auth/account_events.hpp"

#include "auth/outbox.hpp"
#include "base/id.hpp"

namespace gatehouse::auth {

namespace {

events::Event event_of(std::string_view type, std::string_view subject, TimePoint now, json::object data)
{
    events::Event event;
    event.id = make_id();
    event.type = type;
    event.source = "/auth";
    event.subject = subject;
    event.time = now;
    event.data = std::move(data);
    return event;
}

}  // namespace

void announce_account(sql::Connection& connection, std::string_view type, const User& user, TimePoint now,
                      json::object more)
{
    if (!user.email)
        return;
    more["id"] = user.id;
    more["username"] = user.username;
    more["email"] = *user.email;
    add_to_outbox(connection, event_of(type, user.id, now, std::move(more)));
}

void announce_address(sql::Connection& connection, std::string_view type, const std::string& email, TimePoint now,
                      json::object more)
{
    more["email"] = email;
    add_to_outbox(connection, event_of(type, "", now, std::move(more)));
}

}  // namespace gatehouse::auth
