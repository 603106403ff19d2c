// SPDX-License-Identifier: Apache-2.0
// What every implementation of sql::Connection must do, in the SQL that all of them understand.
//
// A test program instantiates it with a Harness: default-constructible, owns one empty database for its lifetime, and
//   std::unique_ptr<sql::Database> open();   // opens that database, again and again
// Text must compare byte by byte (MySQL: a database with a binary collation).
#pragma once

#include "sql/database.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::sql {

template <class Harness>
class ConnectionSuite : public ::testing::Test {
protected:
    void SetUp() override
    {
        run("CREATE TABLE items (id VARCHAR(64) NOT NULL PRIMARY KEY, owner VARCHAR(64) NULL, amount BIGINT NULL, "
            "ratio DOUBLE NULL, content BLOB NULL)");
    }

    std::int64_t run(std::string_view sql, const Params& params = {})
    {
        return database->write_blocking([&](Connection& connection) { return connection.execute(sql, params); });
    }
    std::vector<Row> rows(std::string_view sql, const Params& params = {})
    {
        return database->read_blocking([&](Connection& connection) { return connection.query(sql, params); });
    }
    std::int64_t number(std::string_view sql, const Params& params = {}) { return rows(sql, params).at(0).integer(0); }
    void insert(const std::string& id, std::int64_t amount = 0)
    {
        run("INSERT INTO items (id, amount) VALUES (?, ?)", {id, amount});
    }

    Harness harness;
    std::unique_ptr<Database> database = harness.open();
};

TYPED_TEST_SUITE_P(ConnectionSuite);

TYPED_TEST_P(ConnectionSuite, ValuesComeBackAsTheyWere)
{
    const std::vector<std::string> texts{"", "plain", "quote ' \" ` \\ % _", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80",
                                         "a\nb\tc"};
    const std::vector<std::int64_t> numbers{0, -1, std::numeric_limits<std::int64_t>::max(),
                                            std::numeric_limits<std::int64_t>::min(), 1'764'000'000'000};
    for (std::size_t i = 0; i < texts.size(); ++i) {
        this->run("INSERT INTO items (id, owner, amount, ratio, content) VALUES (?, ?, ?, ?, ?)",
                  {std::to_string(i), texts[i], numbers[i], 0.1, Blob{std::string("\0\xff\x80 x", 5)}});
        auto found = this->rows("SELECT owner, amount, ratio, content FROM items WHERE id = ?", {std::to_string(i)});
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].text(0), texts[i]);
        EXPECT_EQ(found[0].integer(1), numbers[i]);
        EXPECT_EQ(found[0].blob(3), std::string("\0\xff\x80 x", 5));
        EXPECT_EQ(this->number("SELECT COUNT(*) FROM items WHERE id = ? AND ratio = ?", {std::to_string(i), 0.1}), 1);
    }
}

TYPED_TEST_P(ConnectionSuite, NullIsNotEmpty)
{
    this->run("INSERT INTO items (id, owner, amount, content) VALUES (?, ?, ?, ?)",
              {"null", std::monostate{}, std::monostate{}, std::monostate{}});
    this->run("INSERT INTO items (id, owner, amount, content) VALUES (?, ?, ?, ?)", {"empty", "", 0, Blob{}});
    auto found = this->rows("SELECT owner, amount, content FROM items ORDER BY id DESC");
    ASSERT_EQ(found.size(), 2U);
    EXPECT_TRUE(found[0].is_null(0) && found[0].is_null(1) && found[0].is_null(2));
    EXPECT_EQ(found[0].find_text(0), std::nullopt);
    EXPECT_EQ(found[0].find_integer(1), std::nullopt);
    EXPECT_EQ(found[1].find_text(0), "");
    EXPECT_EQ(found[1].find_integer(1), 0);
    EXPECT_EQ(found[1].blob(2), "");
}

TYPED_TEST_P(ConnectionSuite, AParameterIsNeverPartOfTheStatement)
{
    this->insert("one");
    EXPECT_TRUE(this->rows("SELECT id FROM items WHERE id = ?", {"x' OR '1'='1"}).empty());
    EXPECT_EQ(this->run("DELETE FROM items WHERE id = ?", {"one'; DROP TABLE items; --"}), 0);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items"), 1);
}

TYPED_TEST_P(ConnectionSuite, TextComparesByteByByte)
{
    this->insert("Name");
    this->insert("name");
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items WHERE id = ?", {"NAME"}), 0);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items WHERE id = ?", {"name"}), 1);
}

TYPED_TEST_P(ConnectionSuite, ExecuteTellsHowManyRowsItTouched)
{
    EXPECT_EQ(this->run("INSERT INTO items (id, amount) VALUES (?, ?), (?, ?)", {"a", 1, "b", 1}), 2);
    EXPECT_EQ(this->run("UPDATE items SET amount = ?", {2}), 2);
    EXPECT_EQ(this->run("UPDATE items SET amount = ?", {2}), 2) << "rows found count, changed or not";
    EXPECT_EQ(this->run("UPDATE items SET amount = ? WHERE id = ?", {3, "nobody"}), 0);
    EXPECT_EQ(this->run("DELETE FROM items WHERE id = ?", {"a"}), 1);
    EXPECT_EQ(this->run("CREATE INDEX items_by_owner ON items (owner)"), 0);
}

TYPED_TEST_P(ConnectionSuite, ASecondRowWithTheSameKeyIsAUniqueViolation)
{
    this->run("CREATE UNIQUE INDEX items_owner ON items (owner)");
    this->run("INSERT INTO items (id, owner) VALUES (?, ?)", {"a", "ann"});
    EXPECT_THROW(this->run("INSERT INTO items (id, owner) VALUES (?, ?)", {"a", "bob"}), UniqueViolation);
    EXPECT_THROW(this->run("INSERT INTO items (id, owner) VALUES (?, ?)", {"b", "ann"}), UniqueViolation);
    this->run("INSERT INTO items (id, owner) VALUES (?, ?)", {"b", "bob"});
    EXPECT_THROW(this->run("UPDATE items SET owner = ? WHERE id = ?", {"ann", "b"}), UniqueViolation);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items"), 2);
}

TYPED_TEST_P(ConnectionSuite, ATransactionGoesOnAfterAUniqueViolation)
{
    auto work = [](Connection& connection) {
        connection.execute("INSERT INTO items (id) VALUES (?)", {"a"});
        EXPECT_THROW(connection.execute("INSERT INTO items (id) VALUES (?)", {"a"}), UniqueViolation);
        connection.execute("INSERT INTO items (id) VALUES (?)", {"b"});
    };
    this->database->write_blocking(work);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items"), 2);
}

TYPED_TEST_P(ConnectionSuite, AnExceptionRollsBackAndComesOut)
{
    auto work = [](Connection& connection) {
        connection.execute("INSERT INTO items (id) VALUES (?)", {"a"});
        throw std::domain_error("no");
    };
    EXPECT_THROW(this->database->write_blocking(work), std::domain_error);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items"), 0);
    this->insert("a");  // the connection is usable
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items"), 1);
}

TYPED_TEST_P(ConnectionSuite, AReaderSeesOneStateThroughout)
{
    this->insert("a");
    auto look = [&](Connection& connection) {
        auto before = connection.query("SELECT COUNT(*) FROM items").at(0).integer(0);
        this->insert("b");
        auto after = connection.query("SELECT COUNT(*) FROM items").at(0).integer(0);
        EXPECT_EQ(before, after);
    };
    this->database->read_blocking(look);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM items"), 2);
}

TYPED_TEST_P(ConnectionSuite, ForeignKeysAreKept)
{
    this->run("CREATE TABLE parts (id VARCHAR(64) NOT NULL PRIMARY KEY, item VARCHAR(64) NOT NULL, "
              "FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE)");
    EXPECT_ANY_THROW(this->run("INSERT INTO parts (id, item) VALUES (?, ?)", {"p", "nothing"}));
    this->insert("a");
    this->run("INSERT INTO parts (id, item) VALUES (?, ?)", {"p", "a"});
    EXPECT_EQ(this->run("DELETE FROM items WHERE id = ?", {"a"}), 1) << "rows of other tables do not count";
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM parts"), 0);
}

TYPED_TEST_P(ConnectionSuite, WrongSqlIsAProgrammingError)
{
    EXPECT_THROW(this->rows("SELECT nothing FROM items"), std::logic_error);
    EXPECT_THROW(this->rows("SELEKT 1"), std::logic_error);
    EXPECT_THROW(this->run(""), std::logic_error);
    EXPECT_THROW(this->run("DELETE FROM items; DELETE FROM items"), std::logic_error);
    EXPECT_THROW(this->rows("SELECT id FROM items WHERE id = ?"), std::logic_error);
    EXPECT_THROW(this->rows("SELECT id FROM items WHERE id = ?", {"a", "b"}), std::logic_error);
    EXPECT_THROW(this->run("INSERT INTO items (id) VALUES (?)", {std::monostate{}}), std::logic_error) << "NOT NULL";
}

TYPED_TEST_P(ConnectionSuite, MoreStatementsThanAreKeptStillRun)
{
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 200; ++i)
            EXPECT_EQ(
                this->number("SELECT COUNT(*) FROM items WHERE amount = ? AND amount < " + std::to_string(i), {1}), 0);
}

TYPED_TEST_P(ConnectionSuite, OfManyWhoInsertOneKeyExactlyOneSucceeds)
{
    std::atomic<int> inserted = 0;
    std::atomic<int> refused = 0;
    auto attempt = [&] {
        try {
            this->insert("same");
            ++inserted;
        } catch (const UniqueViolation&) {
            ++refused;
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back(attempt);
    }
    EXPECT_EQ(inserted, 1);
    EXPECT_EQ(refused, 7);
}

TYPED_TEST_P(ConnectionSuite, NoUpdateIsLostBetweenWriters)
{
    this->insert("counter", 0);
    auto add_one = [](Connection& connection) {
        auto amount = connection.query("SELECT amount FROM items WHERE id = ?" +
                                           std::string(connection.dialect() == Dialect::mysql ? " FOR UPDATE" : ""),
                                       {"counter"});
        connection.execute("UPDATE items SET amount = ? WHERE id = ?", {amount.at(0).integer(0) + 1, "counter"});
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int k = 0; k < 25; ++k)
                    this->database->write_blocking(add_one);
            });
    }
    EXPECT_EQ(this->number("SELECT amount FROM items WHERE id = ?", {"counter"}), 100);
}

TYPED_TEST_P(ConnectionSuite, CoroutinesReadAndWrite)
{
    auto add = [](Connection& connection) { connection.execute("INSERT INTO items (id) VALUES (?)", {"a"}); };
    auto count = [](Connection& connection) { return connection.query("SELECT COUNT(*) FROM items").at(0).integer(0); };
    auto fail = [](Connection& connection) -> std::string {
        connection.execute("DELETE FROM items");
        throw UniqueViolation("as if");
    };
    testing::run_task(this->database->write(add));
    EXPECT_EQ(testing::run_task(this->database->read(count)), 1);
    EXPECT_THROW(testing::run_task(this->database->write(fail)), UniqueViolation);
    EXPECT_EQ(testing::run_task(this->database->read(count)), 1);
}

TYPED_TEST_P(ConnectionSuite, AfterStopWorkIsRefusedAsUnavailable)
{
    auto nothing = [](Connection&) {};
    this->database->stop();
    EXPECT_THROW(testing::run_task(this->database->write(nothing)), Unavailable);
    EXPECT_THROW(testing::run_task(this->database->read(nothing)), Unavailable);
}

TYPED_TEST_P(ConnectionSuite, WhatIsCommittedIsThereAfterReopening)
{
    this->insert("a", 7);
    this->database.reset();
    this->database = this->harness.open();
    EXPECT_EQ(this->number("SELECT amount FROM items WHERE id = ?", {"a"}), 7);
}

inline const std::vector<Migration>& suite_migrations()
{
    static const std::vector<Migration> migrations{
        {1, "boxes", {"CREATE TABLE boxes (id BIGINT NOT NULL PRIMARY KEY)", "INSERT INTO boxes (id) VALUES (1)"}},
        {2, "labels", {"ALTER TABLE boxes ADD COLUMN label VARCHAR(64) NULL"}},
    };
    return migrations;
}

TYPED_TEST_P(ConnectionSuite, MigrationsRunOnceAndInOrder)
{
    const auto& migrations = suite_migrations();
    this->database->migrate("boxes", std::span(migrations).first(1));
    this->database->migrate("boxes", migrations);
    this->database->migrate("boxes", migrations);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM boxes WHERE label IS NULL"), 1);
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM schema_migrations WHERE component = 'boxes'"), 2);
    EXPECT_EQ(this->rows("SELECT name FROM schema_migrations WHERE version = 2").at(0).text(0), "labels");
}

TYPED_TEST_P(ConnectionSuite, ASchemaFromANewerProgramIsRefused)
{
    const auto& migrations = suite_migrations();
    this->database->migrate("boxes", migrations);
    EXPECT_THROW(this->database->migrate("boxes", std::span(migrations).first(1)), std::runtime_error);
    this->database->migrate("other", {});  // a component of its own
}

TYPED_TEST_P(ConnectionSuite, AFailedMigrationIsTriedAgain)
{
    const std::vector<Migration> broken{{1, "boxes", {"CREATE TABLE nonsense ("}}};
    EXPECT_THROW(this->database->migrate("boxes", broken), std::logic_error);
    this->database->migrate("boxes", suite_migrations());
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM boxes"), 1);
}

REGISTER_TYPED_TEST_SUITE_P(ConnectionSuite, ValuesComeBackAsTheyWere, NullIsNotEmpty,
                            AParameterIsNeverPartOfTheStatement, TextComparesByteByByte,
                            ExecuteTellsHowManyRowsItTouched, ASecondRowWithTheSameKeyIsAUniqueViolation,
                            ATransactionGoesOnAfterAUniqueViolation, AnExceptionRollsBackAndComesOut,
                            AReaderSeesOneStateThroughout, ForeignKeysAreKept, WrongSqlIsAProgrammingError,
                            MoreStatementsThanAreKeptStillRun, OfManyWhoInsertOneKeyExactlyOneSucceeds,
                            NoUpdateIsLostBetweenWriters, CoroutinesReadAndWrite, AfterStopWorkIsRefusedAsUnavailable,
                            WhatIsCommittedIsThereAfterReopening, MigrationsRunOnceAndInOrder,
                            ASchemaFromANewerProgramIsRefused, AFailedMigrationIsTriedAgain);

}  // namespace gatehouse::sql
