// SPDX-License-Identifier: Apache-2.0
#include "sql/connection_suite.hpp"
#include "sql/mysql_fixture.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>

namespace gatehouse::sql {

namespace {

using testing::MysqlDatabase;
using testing::require_environment;

struct MysqlHarness {
    MysqlHarness() { MysqlDatabase::on_server("ALTER DATABASE " + server.name() + " COLLATE utf8mb4_bin"); }
    MysqlDatabase server;
    std::unique_ptr<Database> open() const { return server.open(); }
};

std::string ask(Database& database, const std::string& sql)
{
    auto query = [&](Connection& connection) { return connection.query(sql).at(0).text(0); };
    return database.read_blocking(query);
}

void run(Database& database, const std::string& sql)
{
    auto execute = [&](Connection& connection) { connection.execute(sql); };
    database.write_blocking(execute);
}

std::string failure_of(Database& database)
{
    try {
        ask(database, "SELECT 'x'");
        return "none";
    } catch (const Unavailable& error) {
        return error.what();
    }
}

std::string ca() { return require_environment("GATEHOUSE_TEST_MYSQL_CA"); }

std::chrono::milliseconds time_of(const std::function<void()>& work)
{
    auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Mysql, ConnectionSuite, MysqlHarness);

struct Mysql : ::testing::Test {
    MysqlDatabase server;
};

TEST_F(Mysql, ACertificateOfTheRightCaAndHostIsAccepted)
{
    auto database = open_mysql("test", server.url("?tls=verify&ca=" + ca()));
    EXPECT_NE(ask(*database, "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS "
                             "WHERE VARIABLE_NAME = 'Ssl_cipher'"),
              "");
}

TEST_F(Mysql, ACertificateOfAnotherCaIsRefused)
{
    ::gatehouse::testing::TempDir directory;
    auto wrong = directory.path() / "ca.pem";
    auto key = directory.path() / "ca.key";
    std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=Other "
        "-keyout " +
        key.string() + " -out " + wrong.string() + " 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
    auto database = open_mysql("test", server.url("?tls=verify&ca=" + wrong.string()));
    EXPECT_THAT(failure_of(*database), ::testing::HasSubstr("certificate"));
    auto unknown = open_mysql("test", server.url("?tls=verify"));  // the system's certificates
    EXPECT_THAT(failure_of(*unknown), ::testing::HasSubstr("certificate"));
}

TEST_F(Mysql, ACertificateOfAnotherHostIsRefused)
{
    // The same address in another form, which the certificate does not name.
    auto url = server.url("?tls=verify&ca=" + ca());
    auto at = url.find("@127.0.0.1:");
    ASSERT_NE(at, std::string::npos) << "the test server listens on 127.0.0.1";
    url.replace(at, 11, "@127.1:");
    auto database = open_mysql("test", url);
    EXPECT_THAT(failure_of(*database), ::testing::HasSubstr("certificate"));
    url.replace(url.find("tls=verify&ca=" + ca()), std::string::npos, "tls=require");
    auto unverified = open_mysql("test", url);
    EXPECT_EQ(failure_of(*unverified), "none");
}

TEST_F(Mysql, AWrongPasswordIsUnavailableAndNotRepeated)
{
    auto url = server.url();
    auto at = url.rfind('@');
    auto database = open_mysql("test", "mysql://gatehouse:sesame" + url.substr(at));
    auto failure = failure_of(*database);
    EXPECT_THAT(failure, ::testing::HasSubstr("Access denied"));
    EXPECT_THAT(failure, ::testing::Not(::testing::HasSubstr("sesame")));
}

TEST_F(Mysql, TheServerCannotReadOurFiles)
{
    auto database = server.open();
    run(*database, "CREATE TABLE texts (line VARCHAR(255))");
    EXPECT_ANY_THROW(run(*database, "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE texts"));
    EXPECT_EQ(ask(*database, "SELECT CAST(COUNT(*) AS CHAR) FROM texts"), "0");
}

TEST_F(Mysql, AReaderCannotWrite)
{
    auto database = server.open();
    run(*database, "CREATE TABLE items (id INTEGER)");
    auto insert = [](Connection& connection) { connection.execute("INSERT INTO items (id) VALUES (1)"); };
    EXPECT_THROW(database->read_blocking(insert), std::logic_error);
}

TEST_F(Mysql, AConnectionThatTheServerClosedIsMadeAnew)
{
    auto database = open_mysql("test", server.url("?connections=2"));
    for (int i = 0; i < 2; ++i) {
        auto id = ask(*database, "SELECT CAST(CONNECTION_ID() AS CHAR)");
        MysqlDatabase::on_server("KILL " + id);
        EXPECT_NE(ask(*database, "SELECT CAST(CONNECTION_ID() AS CHAR)"), id);
    }
}

TEST_F(Mysql, AConnectionLostInATransactionIsUnavailableAndNothingIsHalfDone)
{
    auto database = server.open();
    run(*database, "CREATE TABLE items (id INTEGER)");
    auto lose = [](Connection& connection) {
        connection.execute("INSERT INTO items (id) VALUES (1)");
        auto id = connection.query("SELECT CAST(CONNECTION_ID() AS CHAR)").at(0).text(0);
        MysqlDatabase::on_server("KILL " + id);
        connection.execute("INSERT INTO items (id) VALUES (2)");
    };
    EXPECT_THROW(database->write_blocking(lose), Unavailable);
    EXPECT_FALSE(database->available());
    EXPECT_EQ(ask(*database, "SELECT CAST(COUNT(*) AS CHAR) FROM items"), "0");
    EXPECT_TRUE(database->available());
}

TEST_F(Mysql, WritersWhoMeetRunAgain)
{
    auto database = server.open();
    run(*database, "CREATE TABLE items (id INTEGER PRIMARY KEY, amount INTEGER) ENGINE=InnoDB");
    run(*database, "INSERT INTO items (id, amount) VALUES (1, 0), (2, 0)");
    std::atomic<int> runs = 0;
    // Reads one row, then writes it: two who have read wait for each other.
    auto add = [&](Connection& connection) {
        ++runs;
        auto amount = connection.query("SELECT amount FROM items WHERE id = 1").at(0).integer(0);
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
        connection.execute("UPDATE items SET amount = ? WHERE id = 1", {amount + 1});
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] {
                for (int k = 0; k < 10; ++k)
                    database->write_blocking(add);
            });
    }
    EXPECT_EQ(ask(*database, "SELECT CAST(amount AS CHAR) FROM items WHERE id = 1"), "20");
    EXPECT_GT(runs, 20) << "nobody met: the test shows nothing";
}

TEST_F(Mysql, WhoAlwaysMeetsIsUnavailableInTheEnd)
{
    auto database = server.open();
    int runs = 0;
    auto meet = [&](Connection&) {
        ++runs;
        throw SerializationFailure("as if");
    };
    EXPECT_THROW(database->write_blocking(meet), Unavailable);
    EXPECT_EQ(runs, 10);
}

TEST_F(Mysql, MigrationsByManyAtOnceRunOnce)
{
    std::vector<std::unique_ptr<Database>> databases;
    for (int i = 0; i < 4; ++i)
        databases.push_back(server.open());
    {
        std::vector<std::jthread> threads;
        for (auto& database : databases)
            threads.emplace_back([&database] { database->migrate("boxes", suite_migrations()); });
    }
    EXPECT_EQ(ask(*databases[0], "SELECT CAST(COUNT(*) AS CHAR) FROM boxes"), "1");
    EXPECT_EQ(ask(*databases[0], "SELECT CAST(COUNT(*) AS CHAR) FROM schema_migrations"), "2");
    EXPECT_EQ(ask(*databases[0], "SELECT CAST(COUNT(*) AS CHAR) FROM schema_progress"), "0");
}

// A process that died after each statement of a step, before or after it could say so.
TEST_F(Mysql, AMigrationGoesOnWhereItWasKilled)
{
    const std::vector<Migration> migrations{
        {1,
         "boxes",
         {"CREATE TABLE boxes (id BIGINT NOT NULL PRIMARY KEY)", "CREATE INDEX boxes_by_id ON boxes (id)",
          "ALTER TABLE boxes ADD COLUMN label VARCHAR(64) NULL"}}};
    const auto& statements = migrations[0].statements;
    for (std::size_t made = 0; made <= statements.size(); ++made)
        for (std::size_t said : {made, made - 1}) {
            if (said > made)
                continue;  // before the first one
            MysqlDatabase own;
            auto database = own.open();
            database->migrate("boxes", {});
            run(*database, "INSERT INTO schema_progress (component, version, statements) VALUES ('boxes', 1, " +
                               std::to_string(said) + ")");
            for (std::size_t i = 0; i < made; ++i)
                run(*database, std::string(statements[i]));
            database->migrate("boxes", migrations);
            EXPECT_EQ(ask(*database, "SELECT CAST(COUNT(label) AS CHAR) FROM boxes"), "0") << made << ", " << said;
            database->migrate("boxes", migrations);
        }
}

TEST_F(Mysql, ATableThatIsThereAlreadyIsNotTakenForOurs)
{
    auto database = server.open();
    run(*database, "CREATE TABLE boxes (something INTEGER)");
    EXPECT_THROW(database->migrate("boxes", suite_migrations()), SchemaConflict);
}

TEST_F(Mysql, TablesOfMigrationsCompareByteByByteWhateverTheServersDefault)
{
    MysqlDatabase::on_server("ALTER DATABASE " + server.name() + " COLLATE utf8mb4_general_ci");
    auto database = server.open();
    const std::vector<Migration> migrations{
        {1, "names", {"CREATE TABLE names (name VARCHAR(64) NOT NULL PRIMARY KEY)"}}};
    database->migrate("names", migrations);
    run(*database, "INSERT INTO names (name) VALUES ('Name'), ('name')");
    EXPECT_EQ(ask(*database, "SELECT CAST(COUNT(*) AS CHAR) FROM names WHERE name = 'NAME'"), "0");
}

TEST(MysqlOutage, AServerThatIsAwayIsUnavailableAtOnce)
{
    auto database = open_mysql("test", "mysql://u:p@127.0.0.1:1/d");
    auto duration = time_of([&] {
        for (int i = 0; i < 200; ++i)
            EXPECT_THAT(failure_of(*database), ::testing::Not("none"));
    });
    EXPECT_LT(duration, std::chrono::seconds{2});
    EXPECT_FALSE(database->available());
}

TEST(MysqlOutage, AStoppedServerIsUnavailableAndUsedAgainWhenItIsBack)
{
    MysqlDatabase server;
    auto database = server.open();
    ASSERT_EQ(failure_of(*database), "none");
    ::gatehouse::testing::run_services("stop mariadb");
    auto duration = time_of([&] {
        for (int i = 0; i < 20; ++i)
            EXPECT_THAT(failure_of(*database), ::testing::Not("none"));
    });
    EXPECT_LT(duration, std::chrono::seconds{4});
    ::gatehouse::testing::run_services("start mariadb");
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    while (failure_of(*database) != "none" && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_EQ(failure_of(*database), "none");
}

}  // namespace gatehouse::sql
