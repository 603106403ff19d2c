// SPDX-License-Identifier: Apache-2.0
// On SQLite here and on MySQL in transfer_itest.cpp: an embedded store's tables in another one.
#include "auth/transfer.hpp"

#include "auth/auth_fixture.hpp"
#include "auth/schema.hpp"
#include "auth/totp_store.hpp"
#include "sql/examination.hpp"
#include "sql/table_transfer.hpp"
#include "sql/unfinished_transfer.hpp"
#include "support/temp_dir.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

namespace gatehouse::auth::testing {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view wanted)
{
    return std::ranges::find(list, wanted) != list.end();
}

class TransferTest : public ::testing::Test {
protected:
    TransferTest()
    {
        migrate(*source_);
        migrate(*target_);
    }
    ~TransferTest() override
    {
        source_->stop();
        target_->stop();
    }

    static void run(sql::Database& database, const std::string& statement, const sql::Params& params = {})
    {
        auto work = [&](sql::Connection& connection) { connection.execute(statement, params); };
        database.write_blocking(work);
    }

    // More than a page of users with an audit record each, and a row or two in every other table.
    void fill()
    {
        auto add = [](sql::Connection& connection) {
            for (int i = 0; i < 600; ++i) {
                std::string id = fmt::format("user-{:04}", i);
                connection.execute("INSERT INTO users (id, username, email, password_hash, disabled, created_at) "
                                   "VALUES (?, ?, ?, '$argon2id$', 0, ?)",
                                   {id, fmt::format("Näme {}", i),
                                    i % 2 == 0 ? sql::Value(std::monostate{}) : sql::Value(fmt::format("{}@x.org", i)),
                                    std::int64_t{i}});
                connection.execute("INSERT INTO login_names (name, user_id) VALUES (?, ?)",
                                   {fmt::format("n{}", i), id});
                for (const char* role : {"admin", "user"})
                    connection.execute("INSERT INTO user_roles (user_id, role) VALUES (?, ?)", {id, std::string(role)});
                connection.execute("INSERT INTO audit (number, at, type, actor, target, address, request_id, details, "
                                   "hash) VALUES (?, 1, 't', 'a', '', '', '', '{\"k\":\"\xf0\x9f\x94\x91\"}', 'h')",
                                   {std::int64_t{i + 1}});
            }
            connection.execute("UPDATE audit_head SET number = 600, hash = 'h'");
            connection.execute("INSERT INTO roles (name, description, created_at) VALUES ('clerk', '', 1)");
            connection.execute("INSERT INTO role_permissions (role, permission) VALUES ('clerk', 'files:read')");
            connection.execute(
                "INSERT INTO sessions (id, user_id, family_hash, refresh_hash, rotation_key, rotated_at, "
                "created_at, expires_at) VALUES ('s1', 'user-0001', 'f', 'r', 'k', 1, 1, 99)");
        };
        source_->write_blocking(add);
    }

    template <class Work>
    auto with_source(Work work)
    {
        auto connection = sql::open_sqlite_to_look(path_);
        sql::Transaction transaction(*connection);
        return work(*connection);
    }

    // Everything, as `gatehouse migrate` does it; how many rows were brought, changed or removed.
    std::uint64_t bring()
    {
        return with_source([&](sql::Connection& source) {
            std::uint64_t changed = 0;
            auto tables = transferred_tables();
            std::ranges::reverse(tables);
            for (const auto& table : tables)
                changed += sql::TableTransfer(source, *target_, table).remove_others();
            for (const auto& table : transferred_tables())
                changed += sql::TableTransfer(source, *target_, table).bring([](std::uint64_t) {});
            return changed;
        });
    }

    std::uint64_t differences(std::vector<std::string>* examples = nullptr)
    {
        return with_source([&](sql::Connection& source) {
            std::uint64_t different = 0;
            for (const auto& table : transferred_tables()) {
                auto result = sql::TableTransfer(source, *target_, table).compare(3);
                different += result.different;
                EXPECT_TRUE(result.different > 0 || result.source == result.target) << table;
                if (examples)
                    std::ranges::copy(result.examples, std::back_inserter(*examples));
            }
            return different;
        });
    }

    gatehouse::testing::TempDir directory_;
    std::filesystem::path path_ = directory_.path() / "source.db";
    std::unique_ptr<TestStore> store_ = make_test_store();
    std::unique_ptr<sql::Database> source_ = sql::open_sqlite("source", path_);
    std::unique_ptr<sql::Database> target_ = store_->open();
};

TEST_F(TransferTest, EveryTableIsKnown)
{
    // A new table: add it to transferred_tables(), or say in tables_left_behind() why it need not go.
    auto find = [](sql::Connection& connection) { return find_unknown_table(connection); };
    EXPECT_EQ(source_->read_blocking(find), std::nullopt);
    EXPECT_EQ(target_->read_blocking(find), std::nullopt);
    auto list = [](sql::Connection& connection) { return sql::list_tables(connection); };
    auto tables = target_->read_blocking(list);
    for (const auto& table : transferred_tables())
        EXPECT_TRUE(contains(tables, table)) << table;
    run(*source_, "CREATE TABLE surprises (id INTEGER PRIMARY KEY)");
    EXPECT_EQ(source_->read_blocking(find), "surprises");
}

TEST_F(TransferTest, ANewStoreHoldsNothingAndAUsedOneSaysWhat)
{
    auto list = [](sql::Connection& connection) { return list_content(connection); };
    EXPECT_EQ(target_->read_blocking(list), std::vector<std::string>{});
    fill();
    auto content = source_->read_blocking(list);
    EXPECT_EQ(content.at(0), "users (600 rows)");
    EXPECT_TRUE(contains(content, "roles (1 row)"));
}

TEST_F(TransferTest, BringsEverythingOnceAndThenOnlyWhatChanged)
{
    fill();
    EXPECT_GT(differences(), 600U);
    EXPECT_EQ(bring(),
              600U * 5 + 1 + 3);  // four tables and two roles each; the head of the log; role, permission, session
    EXPECT_EQ(differences(), 0U);
    EXPECT_EQ(bring(), 0U);

    run(*source_, "UPDATE users SET email = 'new@x.org' WHERE id = 'user-0007'");
    run(*source_, "DELETE FROM users WHERE id IN ('user-0001', 'user-0300')");  // with what refers to them
    std::vector<std::string> examples;
    EXPECT_GT(differences(&examples), 0U);
    EXPECT_TRUE(contains(examples, "users id=user-0007: email differs")) << fmt::format("{}", examples.at(0));
    EXPECT_TRUE(contains(examples, "sessions id=s1: only in the new store"));
    EXPECT_GT(bring(), 0U);
    EXPECT_EQ(differences(), 0U);
}

TEST_F(TransferTest, AStoreThatIsNotWholeIsRefusedUntilItIs)
{
    auto mark = [](sql::Connection& connection) { sql::mark_unfinished(connection, "/var/lib/gatehouse"); };
    auto clear = [](sql::Connection& connection) { sql::clear_unfinished(connection); };
    auto find = [](sql::Connection& connection) { return sql::find_unfinished(connection); };
    EXPECT_EQ(target_->read_blocking(find), std::nullopt);
    target_->write_blocking(mark);
    EXPECT_EQ(target_->read_blocking(find), "/var/lib/gatehouse");
    EXPECT_THROW(migrate(*target_), std::runtime_error);
    target_->write_blocking(clear);
    migrate(*target_);
}

TEST_F(TransferTest, AnotherKeyThanThatOfSecondFactorsIsFound)
{
    fill();
    SecretBox right(Secret(std::string(40, 'a')));
    SecretBox wrong(Secret(std::string(40, 'b')));
    auto find = [&](const SecretBox& box) {
        auto work = [&](sql::Connection& connection) { return find_sealed_error(connection, box); };
        return source_->read_blocking(work);
    };
    EXPECT_EQ(find(wrong), std::nullopt);  // nothing is encrypted yet
    auto begin = [&](sql::Connection& connection) { begin_totp(connection, right, "user-0003"); };
    source_->write_blocking(begin);
    EXPECT_EQ(find(right), std::nullopt);
    EXPECT_THAT(find(wrong).value_or(""), ::testing::HasSubstr("auth.encryption_key"));
}

TEST_F(TransferTest, TheOutboxIsReadInOrder)
{
    for (const char* id : {"b", "a", "c"})
        run(*source_, "INSERT INTO outbox (id, event) VALUES (?, ?)", {std::string(id), std::string("{}")});
    auto read = [](sql::Connection& connection) { return list_outbox(connection, "a", 1); };
    auto events = source_->read_blocking(read);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].id, "b");
}

}  // namespace

}  // namespace gatehouse::auth::testing
