// SPDX-License-Identifier: Apache-2.0
// One-time passwords by time (RFC 6238), as every authenticator app makes them: HMAC-SHA-1, 30 seconds, 6 digits. Any
// thread.
#pragma once

#include "base/clock.hpp"
#include "base/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::auth {

Secret make_totp_secret();  // 20 bytes, as they are

std::int64_t totp_step(TimePoint at);
std::string totp_code(std::string_view secret, std::int64_t step);  // "012345"

// The step whose code it is, of the one at `now` and its two neighbours; only later ones than `last_step`, so that a
// code that somebody looked at over a shoulder is good for nothing. Spaces in `code` are skipped.
std::optional<std::int64_t> match_totp(std::string_view secret, std::string_view code, TimePoint now,
                                       std::optional<std::int64_t> last_step);

std::string to_base32(std::string_view bytes);  // RFC 4648, without padding

// otpauth://totp/…: what the QR code of an authenticator app holds.
std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view username);

}  // namespace gatehouse::auth
