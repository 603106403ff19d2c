// SPDX-License-Identifier: Apache-2.0
// Reads what compose() of mail.hpp wrote, back into text for people. Whatever the bytes are, the result is UTF-8. Pure
// functions.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::notifier {

struct ReadableMail {
    std::string from;  // "Gatehouse <gatehouse@example.org>", decoded; for eyes, not to send to
    std::string to;
    std::string subject;
    std::string text;  // lines end in LF
};

ReadableMail read_mail(std::string_view bytes);

// A header's value with its encoded words (RFC 2047, UTF-8 in base64) put into clear; others stay as they are.
std::string decode_header(std::string_view value);

// RFC 2045 section 6.7 into text whose lines end in LF; what is no code of it stays as it is.
std::string decode_quoted_printable(std::string_view text);

}  // namespace gatehouse::notifier
