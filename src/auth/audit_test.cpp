// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include <gmock/gmock.h>

#include <set>
#include <thread>

namespace gatehouse::auth {
namespace {

using ::testing::ElementsAre;
using testing::good_password;
using ::testing::HasSubstr;
using ::testing::Not;

struct Audit : testing::AuthTest {
    std::vector<AuditRecord> records(const AuditFilter& filter = {}) { return commands().list_audit(filter, 1000); }
    AuditRecord newest(std::string_view type)
    {
        auto found = records({.type = std::string(type)});
        EXPECT_FALSE(found.empty()) << "no record of " << type;
        return found.empty() ? AuditRecord{} : found.front();
    }
    std::size_t count(std::string_view type) { return records({.type = std::string(type)}).size(); }

    // The record says all of this, and came by a request of the fixture's.
    static void expect(const AuditRecord& record, std::string_view actor, std::string_view target,
                       std::string_view details = "{}")
    {
        EXPECT_EQ(record.actor, actor);
        EXPECT_EQ(record.target, target);
        EXPECT_EQ(record.details, details);
        EXPECT_EQ(record.address, "127.0.0.1");
        EXPECT_EQ(record.request_id, "request");
    }

    void change(const std::string& sql)
    {
        auto write = [&](sql::Connection& connection) { connection.execute(sql); };
        database_->write_blocking(write);
    }

    // Seven records.
    void fill()
    {
        for (int i = 0; i < 7; ++i)
            add_user("user" + std::to_string(i));
        ASSERT_TRUE(commands().verify_audit({}).wrong.empty());
    }
};

TEST_F(Audit, TellsOfLogins)
{
    std::string ada = add_user("ada");
    std::string eve = add_user("eve");
    ASSERT_TRUE(commands().set_disabled("eve", true).has_value());
    auto answer = log_in("ada");
    auto accepted = newest("login.accepted");
    expect(accepted, ada, accepted.target);
    EXPECT_EQ(accepted.target.size(), 36u) << "the session";
    log_in("ada", "wrong password");
    expect(newest("login.refused"), "", ada, R"({"reason":"wrong_password"})");
    log_in("eve");
    expect(newest("login.refused"), "", eve, R"({"reason":"disabled"})");
}

TEST_F(Audit, NeverHoldsWhatWasTypedAsAnUnknownName)
{
    add_user("ada");
    log_in("my secret password", "ada");
    expect(newest("login.refused"), "", "", R"({"reason":"unknown_user"})");
    for (const AuditRecord& record : records())
        EXPECT_THAT(json::serialize(to_json(record)), Not(HasSubstr("my secret password")));
}

TEST_F(Audit, TellsOfTheUseOfAnOldRefreshToken)
{
    std::string ada = add_user("ada");
    auto login = log_in("ada");
    std::string session = newest("login.accepted").target;
    json::object first{{"refresh_token", login.text("refresh_token")}};
    json::object second{{"refresh_token", post("/refresh", first).text("refresh_token")}};
    EXPECT_EQ(post("/refresh", second).status, 200);
    EXPECT_EQ(count("refresh.reused"), 0u);
    EXPECT_EQ(post("/refresh", first).status, 401);
    expect(newest("refresh.reused"), "", session, fmt::format(R"({{"user":"{}"}})", ada));
}

TEST_F(Audit, TellsOfLogouts)
{
    std::string ada = add_user("ada");
    std::string token = token_of("ada");
    EXPECT_EQ(post("/logout", {}, token).status, 204);
    expect(newest("session.ended"), ada, newest("login.accepted").target, R"({"reason":"logout"})");
    EXPECT_EQ(post("/logout", {{"refresh_token", log_in("ada").text("refresh_token")}}).status, 204);
    expect(newest("session.ended"), ada, newest("login.accepted").target, R"({"reason":"logout"})");
    EXPECT_EQ(count("session.ended"), 2u);
}

TEST_F(Audit, TellsOfPasswordChanges)
{
    std::string ada = add_user("ada");
    std::string token = token_of("ada");
    post("/profile/password", {{"current_password", "wrong password"}, {"new_password", "another password"}}, token);
    expect(newest("user.password_change_refused"), ada, ada);
    EXPECT_EQ(count("user.password_changed"), 0u);
    post("/profile/password", {{"current_password", good_password}, {"new_password", "another password"}}, token);
    expect(newest("user.password_changed"), ada, ada);
}

TEST_F(Audit, TellsWhatAdministratorsDo)
{
    std::string root = add_user("root", {"admin"});
    std::string token = token_of("root");
    auto made = post("/admin/users", {{"username", "ada"}, {"password", good_password}}, token);
    std::string ada = made.text("id");
    expect(newest("user.created"), root, ada, R"({"username":"ada","roles":["user"]})");
    auto patch = [&](const json::object& form) {
        return call("PATCH", "/admin/users/" + ada, json_fields(token), json::serialize(form)).status;
    };
    EXPECT_EQ(patch({{"disabled", true}}), 200);
    expect(newest("user.disabled"), root, ada);
    EXPECT_EQ(patch({{"disabled", true}}), 200);
    EXPECT_EQ(count("user.disabled"), 1u) << "nothing changed";
    EXPECT_EQ(patch({{"disabled", false}, {"roles", json::array{"user", "admin"}}}), 200);
    expect(newest("user.enabled"), root, ada);
    expect(newest("user.roles_changed"), root, ada, R"({"from":["user"],"to":["admin","user"]})");
}

TEST_F(Audit, TellsOfTheSetUp)
{
    Secret token = auth().make_setup_token().value();
    json::object form{{"token", "wrong"}, {"username", "root"}, {"password", good_password}};
    EXPECT_EQ(post("/setup", form).status, 400);
    expect(newest("setup.refused"), "", "", R"({"reason":"wrong token"})");
    form["token"] = token.reveal();
    std::string root = post("/setup", form).text("id");
    expect(newest("setup.done"), root, root);
    expect(newest("user.created"), root, root, R"({"username":"root","roles":["admin"]})");
}

TEST_F(Audit, TellsWhatTheCommandLineDoes)
{
    std::string ada = add_user("ada");
    ASSERT_TRUE(commands().set_password("ada", Secret("another password")).has_value());
    ASSERT_TRUE(commands().set_disabled("ada", true).has_value());
    ASSERT_TRUE(commands().set_disabled("ada", false).has_value());
    ASSERT_TRUE(commands().remove_user("ada").has_value());
    auto key = commands().rotate_key({"EdDSA", std::chrono::seconds{600}, std::chrono::seconds{90}});
    std::vector<std::string> types;
    for (const AuditRecord& record : records()) {
        types.push_back(record.type);
        EXPECT_EQ(record.actor, "command-line");
        EXPECT_EQ(record.target, record.type == "key.rotated" ? key->id : ada);
    }
    EXPECT_THAT(types, ElementsAre("key.rotated", "user.removed", "user.enabled", "user.disabled",
                                   "user.password_changed", "user.created"));
}

TEST_F(Audit, TellsOfTheFirstKey)
{
    auth();
    auto record = newest("key.rotated");
    EXPECT_EQ(record.actor, "gatehouse");
    EXPECT_EQ(record.target, commands().list_keys().at(0).id);
}

TEST_F(Audit, IsForThosePermittedToReadItOnly)
{
    add_user("root", {"admin"});
    add_user("ada");
    EXPECT_EQ(get("/admin/audit").status, 401);
    EXPECT_EQ(get("/admin/audit", token_of("ada")).code(), "insufficient_scope");
    EXPECT_EQ(get("/admin/audit", token_of("root")).status, 200);
}

TEST_F(Audit, IsListedNewestFirstAPageAtATime)
{
    add_user("root", {"admin"});
    std::string token = token_of("root");
    fill();
    std::vector<std::int64_t> numbers;
    std::string target = "/admin/audit?limit=3";
    for (int pages = 0; pages < 10; ++pages) {
        auto page = get(target, token).json();
        for (const json::value& item : page.at("items").as_array())
            numbers.push_back(find_integer(item.as_object(), "number").value());
        auto next = find_string(page, "next");
        if (!next)
            break;
        target = "/admin/audit?limit=3&cursor=" + *next;
    }
    ASSERT_EQ(numbers.size(), records().size());
    EXPECT_TRUE(std::ranges::is_sorted(numbers, std::greater{}));
    EXPECT_EQ(numbers.back(), 1);
}

TEST_F(Audit, IsSearchedByTypeActorAndTarget)
{
    std::string root = add_user("root", {"admin"});
    std::string ada = add_user("ada");
    std::string token = token_of("root");
    log_in("ada", "wrong password");
    auto types = [&](std::string_view query) {
        std::vector<std::string> found;
        for (const json::value& item : get("/admin/audit?" + std::string(query), token).json().at("items").as_array())
            found.push_back(find_string(item.as_object(), "type").value());
        return found;
    };
    EXPECT_THAT(types("type=login.refused"), ElementsAre("login.refused"));
    EXPECT_THAT(types("actor=" + root), ElementsAre("login.accepted"));
    EXPECT_THAT(types("target=" + ada), ElementsAre("login.refused", "user.created"));
    EXPECT_THAT(types("target=" + ada + "&actor=command-line"), ElementsAre("user.created"));
    EXPECT_THAT(types("type=nothing"), ElementsAre());
}

TEST_F(Audit, RefusesFiltersThatFindNothingOrEverything)
{
    add_user("root", {"admin"});
    std::string token = token_of("root");
    for (const char* query : {"type=", "actor=", "cursor=0", "cursor=x", "limit=0", "limit=201", "limit=-1"}) {
        auto answer = get(std::string("/admin/audit?") + query, token);
        EXPECT_EQ(answer.status, 422) << query;
        EXPECT_EQ(answer.code(), "invalid_fields") << query;
    }
    EXPECT_EQ(get("/admin/audit?target=" + std::string(65, 'x'), token).pointers().at(0), "target");
}

struct AuditChain : Audit {
    std::string found(const std::optional<Commands::KnownHead>& known = {})
    {
        AuditCheck check = commands().verify_audit(known);
        return check.wrong.empty() ? "right" : fmt::format("{}: {}", check.first_wrong, check.wrong);
    }
};

TEST_F(AuditChain, IsRightWhenEmptyAndWhenFull)
{
    commands();
    EXPECT_EQ(found(), "right");
    fill();
    AuditCheck check = commands().verify_audit({});
    EXPECT_EQ(check.count, 7);
    EXPECT_EQ(check.head, records().front().hash);
}

TEST_F(AuditChain, ShowsAChangedRecord)
{
    for (const char* change_of : {"actor = 'eve'", "target = 'eve'", "type = 'x'", "address = '1'", "request_id = '1'",
                                  "details = '[]'", "at = at + 1", "hash = 'x'"}) {
        fill();
        change(fmt::format("UPDATE audit SET {} WHERE number = 4", change_of));
        EXPECT_THAT(found(), ::testing::StartsWith("4: its hash")) << change_of;
        change("DELETE FROM audit");
        change("UPDATE audit_head SET number = 0, hash = ''");
        change("DELETE FROM users");
    }
}

TEST_F(AuditChain, ShowsARemovedRecord)
{
    fill();
    change("DELETE FROM audit WHERE number = 3");
    EXPECT_EQ(found(), "3: it is missing: the next one is 4");
    change("UPDATE audit SET number = number - 1 WHERE number = 4");
    EXPECT_THAT(found(), ::testing::StartsWith("3: its hash"));
}

TEST_F(AuditChain, ShowsRecordsRemovedAtEitherEnd)
{
    fill();
    change("DELETE FROM audit WHERE number = 7");
    EXPECT_EQ(found(), "7: it is missing: there were 7");
    change("DELETE FROM audit WHERE number = 1");
    EXPECT_EQ(found(), "1: it is missing: the next one is 2");
    change("DELETE FROM audit");
    EXPECT_EQ(found(), "1: it is missing: there were 7");
}

TEST_F(AuditChain, ShowsAnInsertedRecord)
{
    fill();
    change("UPDATE audit SET number = 8 WHERE number = 7");
    change("INSERT INTO audit SELECT 7, at, type, actor, target, address, request_id, details, hash FROM audit "
           "WHERE number = 6");
    EXPECT_THAT(found(), ::testing::StartsWith("7: its hash"));
}

TEST_F(AuditChain, ShowsRecordsInAnotherOrder)
{
    fill();
    change("UPDATE audit SET number = 100 WHERE number = 5");
    change("UPDATE audit SET number = 5 WHERE number = 6");
    change("UPDATE audit SET number = 6 WHERE number = 100");
    EXPECT_THAT(found(), ::testing::StartsWith("5: its hash"));
}

TEST_F(AuditChain, ThatWasWrittenAnewIsFoundByAHeadThatWasKeptElsewhere)
{
    fill();
    Commands::KnownHead known{7, records().front().hash};
    EXPECT_EQ(found(known), "right");
    change("DELETE FROM audit");
    change("UPDATE audit_head SET number = 0, hash = ''");
    for (int i = 0; i < 8; ++i)
        add_user("other" + std::to_string(i));
    EXPECT_EQ(found(), "right");
    EXPECT_THAT(found(known), HasSubstr("7: it is not the one that it was"));
}

TEST_F(AuditChain, IsWalkedAPieceAtATime)
{
    commands();
    auto write = [&](sql::Connection& connection) {
        for (int i = 0; i < 2500; ++i)
            add_audit(connection, clock_.now(), {.type = "test", .actor = std::to_string(i)});
    };
    database_->write_blocking(write);
    EXPECT_EQ(found(), "right");
    EXPECT_EQ(commands().verify_audit({}).count, 2500);
    change("UPDATE audit SET actor = 'x' WHERE number = 2400");
    EXPECT_THAT(found(), ::testing::StartsWith("2400: its hash"));
}

TEST_F(AuditChain, HasNoGapsWhateverManyWritersDo)
{
    add_user("ada");
    auth();
    constexpr int writers = 8;
    constexpr int each = 10;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < writers; ++i)
            threads.emplace_back([&, i] {
                auto write = [&](sql::Connection& connection) {
                    add_audit(connection, clock_.now(), {.type = "test", .actor = std::to_string(i)});
                };
                for (int k = 0; k < each; ++k)
                    database_->write_blocking(write);
            });
    }
    EXPECT_EQ(count("test"), static_cast<std::size_t>(writers * each));
    EXPECT_EQ(found(), "right");
}

TEST_F(AuditChain, HoldsNothingOfAChangeThatWasRolledBack)
{
    fill();
    auto write = [&](sql::Connection& connection) {
        add_audit(connection, clock_.now(), {.type = "test"});
        throw std::runtime_error("no");
    };
    EXPECT_THROW(database_->write_blocking(write), std::runtime_error);
    EXPECT_EQ(count("test"), 0u);
    EXPECT_EQ(found(), "right");
}

}  // namespace
}  // namespace gatehouse::auth
