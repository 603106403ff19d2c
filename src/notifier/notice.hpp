// SPDX-License-Identifier: Apache-2.0
// What a mail says: events as sentences for the owner of a file. Pure functions.
#pragma once

#include "events/event.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::notifier {

struct Notice {
    std::string subject;
    std::string text;  // lines end in LF
};

// nullopt for a type of event that no mail is sent for. `name` is how the reader is addressed; `public_url` begins the
// link.
std::optional<Notice> make_notice(const events::Event& event, std::string_view name, std::string_view public_url);

// A name that users made up, fit to stand in a sentence: one line, no control characters, none that turn the direction
// of writing, at most 200 bytes.
std::string printable(std::string_view name);

}  // namespace gatehouse::notifier
