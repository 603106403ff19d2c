// SPDX-License-Identifier: Apache-2.0
#include "sql/closed_database.hpp"
#include "sql/connection_suite.hpp"
#include "support/temp_dir.hpp"

#include <fstream>

namespace gatehouse::sql {

namespace {

using testing::TempDir;

struct SqliteHarness {
    TempDir directory;

    std::filesystem::path path() const { return directory.path() / "test.db"; }
    std::unique_ptr<Database> open() const { return open_sqlite("test", path()); }
};

std::string pragma(Connection& connection, const std::string& name)
{
    auto rows = connection.query("SELECT CAST(" + name + " AS TEXT) FROM pragma_" + name);
    return rows.at(0).text(0);
}

void create_items(Database& database)
{
    auto create = [](Connection& connection) {
        connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, text TEXT)");
    };
    database.write_blocking(create);
}

std::int64_t count_items(Database& database)
{
    auto count = [](Connection& connection) { return connection.query("SELECT COUNT(*) FROM items").at(0).integer(0); };
    return database.read_blocking(count);
}

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, ConnectionSuite, SqliteHarness);

TEST(Sqlite, OnlyTheOwnerMayReadTheFiles)
{
    SqliteHarness harness;
    auto database = harness.open();
    create_items(*database);
    for (const char* suffix : {"", "-wal", "-shm"}) {
        auto mode = std::filesystem::status(harness.path().string() + suffix).permissions();
        EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << suffix;
    }
}

TEST(Sqlite, TheWriterIsDurableAndTheOnlyOneWhoMovesTheLog)
{
    SqliteHarness harness;
    auto database = harness.open();
    auto writer = [](Connection& connection) {
        EXPECT_EQ(pragma(connection, "journal_mode"), "wal");
        EXPECT_EQ(pragma(connection, "synchronous"), "2");
        EXPECT_EQ(pragma(connection, "foreign_keys"), "1");
        EXPECT_EQ(connection.query("PRAGMA wal_autocheckpoint").at(0).integer(0), 1000);
    };
    auto reader = [](Connection& connection) {
        EXPECT_EQ(pragma(connection, "query_only"), "1");
        EXPECT_EQ(connection.query("PRAGMA wal_autocheckpoint").at(0).integer(0), 0);
    };
    database->write_blocking(writer);
    database->read_blocking(reader);
}

TEST(Sqlite, AReaderCannotWrite)
{
    SqliteHarness harness;
    auto database = harness.open();
    create_items(*database);
    auto insert = [](Connection& connection) { connection.execute("INSERT INTO items (text) VALUES ('x')"); };
    EXPECT_THROW(database->read_blocking(insert), std::logic_error);
    EXPECT_EQ(count_items(*database), 0);
}

TEST(Sqlite, AfterClosingTheLogIsFoldedIntoTheFile)
{
    SqliteHarness harness;
    auto database = harness.open();
    create_items(*database);
    EXPECT_EQ(count_items(*database), 0);  // a reader has it open, too
    database.reset();
    EXPECT_FALSE(std::filesystem::exists(harness.path().string() + "-wal"));
}

TEST(Sqlite, AFileThatIsNoDatabaseIsUnavailable)
{
    SqliteHarness harness;
    std::ofstream(harness.path()) << std::string(8192, 'x');
    EXPECT_THROW(harness.open(), Unavailable);
}

TEST(Sqlite, AMissingDirectoryIsUnavailable)
{
    TempDir directory;
    EXPECT_THROW(open_sqlite("test", directory.path() / "missing" / "test.db"), Unavailable);
}

TEST(Sqlite, APathThatLooksLikeAUriIsAPath)
{
    TempDir directory;
    auto path = directory.path() / "file:x?mode=memory";
    auto database = open_sqlite("test", path);
    create_items(*database);
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Sqlite, AFullDiskIsUnavailableAndLeavesNothingHalfDone)
{
    SqliteHarness harness;
    auto database = harness.open();
    create_items(*database);
    auto pages = [](const std::string& count) {
        return [count](Connection& connection) { connection.query("PRAGMA max_page_count = " + count); };
    };
    auto fill = [](Connection& connection) {
        for (int i = 0; i < 100; ++i)
            connection.execute("INSERT INTO items (text) VALUES (?)", {std::string(4096, 'x')});
    };
    database->write_blocking(pages("10"));
    EXPECT_THROW(database->write_blocking(fill), Unavailable);
    EXPECT_EQ(count_items(*database), 0);

    database->write_blocking(pages("1000000"));
    database->write_blocking(fill);
    EXPECT_EQ(count_items(*database), 100);
}

TEST(Sqlite, ALockHeldByAnotherProgramIsUnavailable)
{
    SqliteHarness harness;
    auto database = harness.open();
    create_items(*database);
    auto other = harness.open();
    auto impatient = [](Connection& connection) { connection.query("PRAGMA busy_timeout = 10"); };
    auto insert = [](Connection& connection) { connection.execute("INSERT INTO items (text) VALUES ('x')"); };
    other->write_blocking(impatient);
    auto hold = [&](Connection& connection) {
        insert(connection);
        EXPECT_THROW(other->write_blocking(insert), Unavailable);
    };
    database->write_blocking(hold);
    other->write_blocking(insert);
    EXPECT_EQ(count_items(*database), 2);
}

TEST(Sqlite, AFailedMigrationLeavesNothingBehind)
{
    SqliteHarness harness;
    auto database = harness.open();
    const std::vector<Migration> broken{
        {1, "first", {"CREATE TABLE items (id INTEGER)", "INSERT INTO nowhere VALUES (1)"}}};
    EXPECT_THROW(database->migrate("test", broken), std::logic_error);
    EXPECT_THROW(count_items(*database), std::logic_error);
}

TEST(Sqlite, ReadersDoNotWaitForTheWriter)
{
    SqliteHarness harness;
    auto database = harness.open();
    create_items(*database);
    auto hold = [&](Connection& connection) {
        connection.execute("INSERT INTO items (text) VALUES ('x')");
        EXPECT_EQ(count_items(*database), 0);  // answered while the transaction is open
    };
    database->write_blocking(hold);
    EXPECT_EQ(count_items(*database), 1);
}

TEST(Sqlite, ADatabaseThatIsClosedForChangesIsReadOnAndRefusesThem)
{
    SqliteHarness harness;
    auto database = harness.open();
    create_items(*database);
    auto add = [](Connection& connection) { connection.execute("INSERT INTO items (text) VALUES ('a')"); };
    database->write_blocking(add);
    EXPECT_FALSE(is_closed_for_changes(harness.path()));
    close_for_changes(harness.path());
    EXPECT_TRUE(is_closed_for_changes(harness.path()));
    EXPECT_THROW(database->write_blocking(add), Unavailable);
    EXPECT_EQ(count_items(*database), 1);
    database->stop();
    database.reset();
    database = harness.open();  // as a server that is started again
    EXPECT_THROW(database->write_blocking(add), Unavailable);
    EXPECT_EQ(count_items(*database), 1);
    open_for_changes(harness.path());
    database->write_blocking(add);
    EXPECT_EQ(count_items(*database), 2);
    database->stop();
}

}  // namespace gatehouse::sql
