// SPDX-License-Identifier: Apache-2.0
// What a mail about an account says: auth's `user.…` events as sentences for who reads the address's mail, who may be a
// stranger to this installation. So nothing that somebody else typed stands in it but the name of an account that is
// there. Pure functions.
#pragma once

#include "events/event.hpp"
#include "notifier/notice.hpp"

#include <optional>
#include <string_view>

namespace gatehouse::notifier {

// nullopt for a type of event that no mail is sent for. `token` is what the link carries, "" when there is none;
// `public_url` begins the link.
std::optional<Notice> make_account_notice(const events::Event& event, std::string_view token,
                                          std::string_view public_url);

}  // namespace gatehouse::notifier
