// SPDX-License-Identifier: Apache-2.0
#include "auth/revocation_store.hpp"

#include "base/id.hpp"

#include <algorithm>

namespace gatehouse::auth {

namespace {

constexpr std::int64_t entries_max = 10'000;  // of one reading
constexpr std::int64_t swept_at_once = 100;

void add(sql::Connection& connection, identity::Revocation::Kind kind, std::string_view subject, TimePoint now)
{
    // Locks the counter until the commit.
    connection.execute("UPDATE revocation_counter SET number = number + 1 WHERE id = 1");
    std::int64_t number = last_revocation(connection);
    connection.execute("INSERT INTO revocations (number, kind, subject, revoked_at) VALUES (?, ?, ?, ?)",
                       {number, std::string(to_string(kind)), std::string(subject), to_unix_ms(now)});
}

}  // namespace

void revoke_session(sql::Connection& connection, std::string_view session_id, TimePoint now)
{
    add(connection, identity::Revocation::Kind::session, session_id, now);
}

void revoke_user(sql::Connection& connection, std::string_view user_id, TimePoint now)
{
    add(connection, identity::Revocation::Kind::user, user_id, now);
}

void revoke_role(sql::Connection& connection, std::string_view role, TimePoint now)
{
    add(connection, identity::Revocation::Kind::role, role, now);
}

std::int64_t last_revocation(sql::Connection& connection)
{
    return connection.query("SELECT number FROM revocation_counter WHERE id = 1").at(0).integer(0);
}

identity::RevocationNews read_revocations(sql::Connection& connection, const identity::RevocationList::Position& from,
                                          TimePoint now, std::chrono::seconds keep)
{
    auto counter = connection.query("SELECT log_id, number FROM revocation_counter WHERE id = 1");
    identity::RevocationNews log;
    log.read_to.log = counter.at(0).text(0);
    log.read_to.number = counter[0].integer(1);
    std::int64_t after = from.log == log.read_to.log ? from.number : 0;
    if (after >= log.read_to.number)
        return log;
    auto rows = connection.query("SELECT number, kind, subject, revoked_at FROM revocations "
                                 "WHERE number > ? AND revoked_at > ? ORDER BY number LIMIT ?",
                                 {after, to_unix_ms(now - keep), entries_max});
    for (const sql::Row& row : rows) {
        auto kind = identity::find_revocation_kind(row.text(1));
        if (!kind)
            throw std::runtime_error("the log of revocations holds a kind that is not known here: " + row.text(1));
        auto left = std::chrono::ceil<std::chrono::seconds>(from_unix_ms(row.integer(3)) + keep - now);
        log.entries.push_back({row.integer(0), *kind, row.text(2), std::min(left, keep)});
    }
    log.complete = rows.size() < static_cast<std::size_t>(entries_max);
    if (!log.complete)
        log.read_to.number = log.entries.back().number;
    return log;
}

void name_revocation_log(sql::Connection& connection)
{
    connection.execute("UPDATE revocation_counter SET log_id = ? WHERE id = 1 AND log_id = ''", {make_id()});
}

void sweep_revocations(sql::Connection& connection, TimePoint before)
{
    connection.execute("DELETE FROM revocations WHERE number IN "
                       "(SELECT number FROM (SELECT number FROM revocations WHERE revoked_at < ? LIMIT ?) AS old)",
                       {to_unix_ms(before), swept_at_once});
}

bool is_revoked(sql::Connection& connection, const identity::Claims& claims)
{
    auto after = [&](identity::Revocation::Kind kind, const std::string& subject, std::int64_t number) {
        auto rows = connection.query("SELECT COUNT(*) FROM revocations WHERE kind = ? AND subject = ? AND number > ?",
                                     {std::string(to_string(kind)), subject, number});
        return rows.at(0).integer(0) > 0;
    };
    using Kind = identity::Revocation::Kind;
    return after(Kind::session, claims.session_id, 0) || after(Kind::user, claims.subject, claims.revocation) ||
           std::ranges::any_of(claims.roles,
                               [&](const std::string& role) { return after(Kind::role, role, claims.revocation); });
}

}  // namespace gatehouse::auth
