// SPDX-License-Identifier: Apache-2.0
// A mail as a value, and its text form for the wire (RFC 5322, RFC 2047, RFC 2045).
//
// Names and subjects may hold anything that users made up: they are encoded, so that no CR, LF or other trick of theirs
// becomes a header or an address. Pure functions.
#pragma once

#include "base/clock.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::notifier {

struct Address {
    std::string name;     // for people, may be empty
    std::string mailbox;  // user@example.org

    bool operator==(const Address&) const = default;
    std::string_view host() const;  // what follows the '@'
};

// True for a mailbox that can stand in a header and an SMTP command as it is: ASCII, one '@', nothing that would need
// quoting, at most 254 bytes (RFC 5321 section 4.5.3.1.3).
bool is_mailbox(std::string_view text);

// "Gatehouse <gatehouse@example.org>" or "gatehouse@example.org".
std::optional<Address> parse_address(std::string_view text);

struct Mail {
    std::string id;  // the same for a repeat of the same mail; a UUID
    Address from;
    Address to;
    std::string subject;
    TimePoint date;
    std::string text;  // UTF-8, lines end in LF
};

// Headers and body with CRLF line ends. The same mail gives the same bytes. REQUIRES: both mailboxes are is_mailbox().
std::string compose(const Mail& mail);

// `text` fit for a header's value that starts `column` bytes into its line: as it is when it is short and plain, else
// as RFC 2047 encoded words, folded. Bytes that are not UTF-8 become U+FFFD.
std::string encode_header(std::string_view text, std::size_t column);

// The text with U+FFFD for bytes that are not UTF-8.
std::string to_utf8(std::string_view text);

// RFC 2045 section 6.7, with CRLF line ends.
std::string quoted_printable(std::string_view text);

}  // namespace gatehouse::notifier
