// SPDX-License-Identifier: Apache-2.0
// hash = base64url( SHA-256( the JSON array [hash before, number, at, type, actor, target, address, request_id,
// details] ) ); the hash before the first record is "". An array, so that no two records read the same.
#include "auth/audit_store.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

constexpr std::size_t text_bytes_max = 64;

constexpr std::string_view select_records =
    "SELECT number, at, type, actor, target, address, request_id, details, hash FROM audit";

// Ids and addresses are shorter.
std::string shorten(const std::string& text) { return text.substr(0, text_bytes_max); }

std::string hash_of(const std::string& hash_before, const AuditRecord& record)
{
    json::array hashed{hash_before,   record.number,  to_unix_ms(record.at), record.type,   record.actor,
                       record.target, record.address, record.request_id,     record.details};
    return to_base64url(sha256(json::serialize(hashed)));
}

AuditRecord read_record(const sql::Row& row)
{
    AuditRecord record;
    record.number = row.integer(0);
    record.at = from_unix_ms(row.integer(1));
    record.type = row.text(2);
    record.actor = row.text(3);
    record.target = row.text(4);
    record.address = row.text(5);
    record.request_id = row.text(6);
    record.details = row.text(7);
    record.hash = row.text(8);
    return record;
}

// The log ends where its head says, or records at the end are gone.
void check_end(sql::Connection& connection, AuditCheck& check)
{
    check.done = true;
    auto head = connection.query("SELECT number, hash FROM audit_head WHERE id = 1");
    check.first_wrong = check.count + 1;
    if (head.empty())
        check.wrong = "the head of the log is gone";
    else if (head[0].integer(0) > check.count)
        check.wrong = fmt::format("it is missing: there were {}", head[0].integer(0));
    else if (head[0].integer(0) < check.count || head[0].text(1) != check.head) {
        check.first_wrong = check.count;
        check.wrong = "it is not the one that was written last";
    }
}

}  // namespace

void add_audit(sql::Connection& connection, TimePoint now, const AuditEntry& entry)
{
    connection.execute("UPDATE audit_head SET number = number + 1 WHERE id = 1");
    auto head = connection.query("SELECT number, hash FROM audit_head WHERE id = 1");
    AuditRecord record;
    record.number = head.at(0).integer(0);
    record.at = now;
    record.type = entry.type;
    record.actor = shorten(entry.actor);
    record.target = shorten(entry.target);
    record.address = shorten(entry.address);
    record.request_id = shorten(entry.request_id);
    record.details = json::serialize(entry.details);
    record.hash = hash_of(head[0].text(1), record);
    connection.execute("INSERT INTO audit (number, at, type, actor, target, address, request_id, details, hash) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       {record.number, to_unix_ms(now), record.type, record.actor, record.target, record.address,
                        record.request_id, record.details, record.hash});
    connection.execute("UPDATE audit_head SET hash = ? WHERE id = 1", {record.hash});
}

std::vector<AuditRecord> list_audit(sql::Connection& connection, const AuditFilter& filter,
                                    std::optional<std::int64_t> before, std::size_t limit)
{
    std::string conditions;
    sql::Params params;
    auto require = [&](std::string_view condition, sql::Value value) {
        conditions += fmt::format("{} {}", conditions.empty() ? " WHERE" : " AND", condition);
        params.push_back(std::move(value));
    };
    if (!filter.type.empty())
        require("type = ?", filter.type);
    if (!filter.actor.empty())
        require("actor = ?", filter.actor);
    if (!filter.target.empty())
        require("target = ?", filter.target);
    if (before)
        require("number < ?", *before);
    params.emplace_back(static_cast<std::int64_t>(limit));
    std::vector<AuditRecord> records;
    auto rows = connection.query(fmt::format("{}{} ORDER BY number DESC LIMIT ?", select_records, conditions), params);
    for (const sql::Row& row : rows)
        records.push_back(read_record(row));
    return records;
}

AuditCheck check_audit(sql::Connection& connection, AuditCheck check, std::size_t limit)
{
    auto rows = connection.query(fmt::format("{} WHERE number > ? ORDER BY number LIMIT ?", select_records),
                                 {check.count, static_cast<std::int64_t>(limit)});
    for (const sql::Row& row : rows) {
        AuditRecord record = read_record(row);
        if (record.number != check.count + 1)
            check.wrong = fmt::format("it is missing: the next one is {}", record.number);
        else if (record.hash != hash_of(check.head, record))
            check.wrong = "its hash does not fit what it says, or the record before it";
        if (!check.wrong.empty()) {
            check.first_wrong = check.count + 1;
            check.done = true;
            return check;
        }
        check.count = record.number;
        check.head = std::move(record.hash);
    }
    if (rows.size() < limit)
        check_end(connection, check);
    return check;
}

std::optional<std::string> find_audit_hash(sql::Connection& connection, std::int64_t number)
{
    auto rows = connection.query("SELECT hash FROM audit WHERE number = ?", {number});
    if (rows.empty())
        return std::nullopt;
    return rows[0].text(0);
}

json::object to_json(const AuditRecord& record)
{
    json::object object;
    object["number"] = record.number;
    object["at"] = format_rfc3339(record.at);
    object["type"] = record.type;
    object["actor"] = record.actor;
    object["target"] = record.target;
    object["address"] = record.address;
    object["request_id"] = record.request_id;
    auto details = parse_json(record.details);
    object["details"] = details ? *details : json::value(json::string(record.details));
    object["hash"] = record.hash;
    return object;
}

}  // namespace gatehouse::auth
