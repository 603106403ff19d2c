// SPDX-License-Identifier: Apache-2.0
// Rows are always locked in the order account, address, pair, so that no two logins wait for each other.
#include "auth/login_throttle.hpp"

#include "auth/names.hpp"
#include "base/encoding.hpp"
#include "base/sha256.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace gatehouse::auth {

namespace {

constexpr std::int64_t swept_at_once = 100;

// IPv4 as it is; IPv6 by its /64, which one customer gets whole; IPv4 in IPv6 as IPv4.
std::string network_of(std::string_view address)
{
    std::array<unsigned char, 16> bytes{};
    std::string text(address);
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1)
        return text;
    constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
        return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
    return to_base64url(std::string_view(reinterpret_cast<const char*>(bytes.data()), 8));
}

std::string row_name(std::string_view kind, std::string_view what)
{
    return fmt::format("{}:{}", kind, to_base64url(sha256(what)));
}

struct Counted {
    std::int64_t failures = 0;
    TimePoint last_at;
    bool trusted = false;
};

// The row, made when it is missing, and locked until the commit.
Counted lock_row(sql::Connection& connection, const std::string& name, TimePoint now)
{
    bool mysql = connection.dialect() == sql::Dialect::mysql;
    connection.execute(
        fmt::format("INSERT INTO login_attempts (name, failures, last_at, expires_at) "
                    "VALUES (?, 0, ?, ?) {}",
                    mysql ? "ON DUPLICATE KEY UPDATE failures = failures" : "ON CONFLICT (name) DO NOTHING"),
        {name, to_unix_ms(now), to_unix_ms(now + throttle_window)});
    auto rows = connection.query("SELECT failures, last_at, trusted_until FROM login_attempts WHERE name = ?", {name});
    Counted counted;
    counted.last_at = from_unix_ms(rows.at(0).integer(1));
    if (now - counted.last_at < throttle_window)
        counted.failures = rows[0].integer(0);
    counted.trusted = rows[0].find_integer(2).value_or(0) > to_unix_ms(now);
    return counted;
}

void store_failures(sql::Connection& connection, const std::string& name, std::int64_t failures, TimePoint now)
{
    TimePoint expires_at = now + throttle_window;
    connection.execute("UPDATE login_attempts SET failures = ?, last_at = ?, "
                       "expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END WHERE name = ?",
                       {failures, to_unix_ms(now), to_unix_ms(expires_at), to_unix_ms(expires_at), name});
}

void take_back(sql::Connection& connection, const std::string& name)
{
    if (!name.empty())
        connection.execute("UPDATE login_attempts SET failures = failures - 1 WHERE name = ? AND failures > 0", {name});
}

// How long an attempt must still wait after so many failures, the first `free` of which cost nothing.
std::chrono::milliseconds wait_after(const Counted& counted, std::int64_t free, TimePoint now)
{
    if (counted.failures < free)
        return std::chrono::milliseconds{0};
    auto doublings = std::min<std::int64_t>(counted.failures - free, 16);
    std::chrono::milliseconds delay = std::min(std::chrono::seconds{1} * (1 << doublings), throttle_delay_max);
    auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - counted.last_at);
    return std::max(delay - passed, std::chrono::milliseconds{0});
}

}  // namespace

LoginAttempt describe_attempt(std::string_view username, std::string_view address, bool address_is_certain)
{
    // What cannot be a name counts, too, as one name.
    std::string name = fold_name(username).value_or("");
    std::string network = network_of(address);
    LoginAttempt attempt;
    attempt.account = row_name("account", name);
    if (address_is_certain)
        attempt.address = row_name("address", network);
    attempt.pair = row_name("pair", fmt::format("{}\n{}", network, name));
    return attempt;
}

Admission admit_attempt(sql::Connection& connection, const LoginAttempt& attempt, const ThrottleConfig& config,
                        TimePoint now)
{
    auto account_free = static_cast<std::int64_t>(config.account_failures);
    auto address_free = static_cast<std::int64_t>(config.address_failures);
    Counted account = lock_row(connection, attempt.account, now);
    Counted address;
    if (!attempt.address.empty())
        address = lock_row(connection, attempt.address, now);
    Counted pair = lock_row(connection, attempt.pair, now);

    // Who has shown that they know the password may try as often as a whole address may.
    auto wait = pair.trusted ? wait_after(pair, address_free, now)
                             : std::max(wait_after(account, account_free, now), wait_after(address, address_free, now));
    if (wait.count() > 0)
        return {std::chrono::ceil<std::chrono::seconds>(wait), false};

    Admission admission;
    if (pair.trusted)
        admission.begins_to_wait = pair.failures + 1 == address_free;
    else
        admission.begins_to_wait = account.failures + 1 == account_free || address.failures + 1 == address_free;
    if (!pair.trusted)
        store_failures(connection, attempt.account, account.failures + 1, now);
    if (!attempt.address.empty())
        store_failures(connection, attempt.address, address.failures + 1, now);
    store_failures(connection, attempt.pair, pair.failures + 1, now);
    return admission;
}

void forgive_attempt(sql::Connection& connection, const LoginAttempt& attempt, TimePoint now)
{
    connection.execute("UPDATE login_attempts SET failures = 0 WHERE name = ?", {attempt.account});
    take_back(connection, attempt.address);
    auto until = to_unix_ms(now + throttle_trust);
    connection.execute("UPDATE login_attempts SET failures = 0, trusted_until = ?, expires_at = ? WHERE name = ?",
                       {until, until, attempt.pair});
}

void withdraw_attempt(sql::Connection& connection, const LoginAttempt& attempt)
{
    take_back(connection, attempt.account);
    take_back(connection, attempt.address);
    take_back(connection, attempt.pair);
}

void sweep_attempts(sql::Connection& connection, TimePoint now)
{
    connection.execute("DELETE FROM login_attempts WHERE name IN "
                       "(SELECT name FROM (SELECT name FROM login_attempts WHERE expires_at < ? LIMIT ?) AS expired)",
                       {to_unix_ms(now), swept_at_once});
}

}  // namespace gatehouse::auth
