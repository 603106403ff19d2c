// SPDX-License-Identifier: Apache-2.0
#include "auth/audit_store.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::size_t text_bytes_max = 64;

// Ids and addresses are shorter.
std::string shorten(const std::string& text) { return text.substr(0, text_bytes_max); }

}  // namespace

void add_audit(sql::Connection& connection, TimePoint now, const AuditEntry& entry)
{
    connection.execute("UPDATE audit_head SET number = number + 1 WHERE id = 1");
    auto head = connection.query("SELECT number, hash FROM audit_head WHERE id = 1");
    std::int64_t number = head.at(0).integer(0);
    std::string actor = shorten(entry.actor);
    std::string target = shorten(entry.target);
    std::string address = shorten(entry.address);
    std::string request_id = shorten(entry.request_id);
    std::string details = json::serialize(entry.details);

    // An array, so that no two records read the same.
    json::array hashed{head[0].text(1), number,  to_unix_ms(now), entry.type, actor,
                       target,          address, request_id,      details};
    std::string hash = to_base64url(sha256(json::serialize(hashed)));
    connection.execute("INSERT INTO audit (number, at, type, actor, target, address, request_id, details, hash) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       {number, to_unix_ms(now), entry.type, actor, target, address, request_id, details, hash});
    connection.execute("UPDATE audit_head SET hash = ? WHERE id = 1", {hash});
}

}  // namespace gatehouse::auth
