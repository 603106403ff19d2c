// SPDX-License-Identifier: Apache-2.0
// Slows down who guesses passwords. Failures are counted in the store, so that the limits hold whatever the number of
// processes: by account (the name that was typed, whether somebody has it or not), by address, and by both. After a few
// failures each further attempt must wait, 1, 2, 4 ... up to 60 seconds since the one before; meanwhile it is refused
// before anything is hashed.
//
// Nobody can lock somebody else out: who logged in to an account from an address not long ago is slowed down by
// failures from that address alone, however many there are from others.
//
// Functions on a connection: the caller gives the transaction. An attempt counts as failed until it has succeeded, so
// many at once gain nothing.
#pragma once

#include "auth/config.hpp"
#include "base/clock.hpp"
#include "sql/connection.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace gatehouse::auth {

inline constexpr std::chrono::seconds throttle_delay_max{60};
// So long after the last attempt the failures are forgotten.
inline constexpr std::chrono::minutes throttle_window{15};
// So long after a login the account is open to its address, whatever others do.
inline constexpr std::chrono::hours throttle_trust{30 * 24};

// Names of rows: hashes, so that the store does not collect what people typed.
struct LoginAttempt {
    std::string account;
    std::string address;  // an IPv6 one by its /64; empty: nobody is sure of it, so it does not count
    std::string pair;
};
LoginAttempt describe_attempt(std::string_view username, std::string_view address, bool address_is_certain);

struct Admission {
    std::chrono::seconds wait{0};  // not zero: refused; try again after so long
    bool begins_to_wait = false;   // when this attempt fails, the next one must wait for the first time
};
// Counts the attempt, unless it must wait.
Admission admit_attempt(sql::Connection& connection, const LoginAttempt& attempt, const ThrottleConfig& config,
                        TimePoint now);

// The attempt succeeded: forgets the account's failures, and trusts its address.
void forgive_attempt(sql::Connection& connection, const LoginAttempt& attempt, TimePoint now);

// The attempt was not made after all.
void withdraw_attempt(sql::Connection& connection, const LoginAttempt& attempt);

// Removes some of the rows that say nothing any more.
void sweep_attempts(sql::Connection& connection, TimePoint now);

}  // namespace gatehouse::auth
