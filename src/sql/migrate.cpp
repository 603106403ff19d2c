// SPDX-License-Identifier: Apache-2.0
// Database::migrate().
//
// SQLite: each step is one transaction. MySQL: a statement that changes the schema commits by itself, so a step cannot
// be undone when the process dies in the middle. Instead it is gone on with: schema_progress says how many statements
// of an unfinished step were made. The one after them may have been made too, by a process that died before it could
// say so; when the server says then that this exists already, it is taken as done. What a statement changes in rows
// is in one transaction with its progress.
#include "base/clock.hpp"
#include "base/log.hpp"
#include "sql/database.hpp"
#include "sql/unfinished_transfer.hpp"

#include <fmt/format.h>

#include <chrono>

namespace gatehouse::sql {

namespace {

constexpr std::chrono::seconds lock_deadline{60};
constexpr std::int64_t lock_wait_seconds = 2;  // for one statement: less than a statement may take

// A server makes tables as its configuration says, which may be without transactions or regard to case.
constexpr std::string_view mysql_table = " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

std::string for_dialect(Dialect dialect, std::string_view statement)
{
    std::string text(statement);
    if (dialect == Dialect::mysql && statement.starts_with("CREATE TABLE"))
        text += mysql_table;
    return text;
}

void create_table(Connection& connection, std::string_view statement)
{
    connection.execute(for_dialect(connection.dialect(), statement));
}

void prepare_tables(Connection& connection)
{
    create_table(connection, "CREATE TABLE IF NOT EXISTS schema_migrations ("
                             "component VARCHAR(64) NOT NULL, version INTEGER NOT NULL, name VARCHAR(255) NOT NULL, "
                             "applied_at BIGINT NOT NULL, PRIMARY KEY (component, version))");
    if (connection.dialect() == Dialect::mysql)
        create_table(connection, "CREATE TABLE IF NOT EXISTS schema_progress ("
                                 "component VARCHAR(64) NOT NULL, version INTEGER NOT NULL, "
                                 "statements INTEGER NOT NULL, PRIMARY KEY (component, version))");
}

int schema_version(Connection& connection, std::string_view component)
{
    auto rows = connection.query("SELECT COALESCE(MAX(version), 0) FROM schema_migrations WHERE component = ?",
                                 {std::string(component)});
    return static_cast<int>(rows.at(0).integer(0));
}

void record(Connection& connection, std::string_view component, const Migration& migration)
{
    auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    connection.execute(
        "INSERT INTO schema_migrations (component, version, name, applied_at) VALUES (?, ?, ?, ?)",
        {std::string(component), std::int64_t{migration.version}, std::string(migration.name), to_unix_ms(now)});
}

void refuse_newer(std::string_view database, std::string_view component, int version, std::size_t known)
{
    if (version > static_cast<int>(known))
        throw std::runtime_error(fmt::format("the {} database has version {} of the schema \"{}\", but this program "
                                             "knows only {}: it was written by a newer program",
                                             database, version, component, known));
}

// Half of the data is no data to serve.
void refuse_unfinished(Connection& connection, std::string_view database)
{
    if (auto origin = find_unfinished(connection))
        throw std::runtime_error(fmt::format("`gatehouse migrate` from {} into the {} database is not finished: run it "
                                             "again, with --finish, before a server starts here",
                                             *origin, database));
}

void log_migrated(std::string_view database, std::string_view component, const Migration& migration)
{
    log::info(
        "sql", "schema migrated",
        {{"database", database}, {"component", component}, {"version", migration.version}, {"name", migration.name}});
}

// The lock of the server under which one process at a time changes the schema of a database. It belongs to the
// connection: when that is lost, so is the lock.
class SchemaLock {
public:
    explicit SchemaLock(Connection& connection) : connection_(connection)
    {
        auto end = std::chrono::steady_clock::now() + lock_deadline;
        while (!take()) {
            if (std::chrono::steady_clock::now() > end)
                throw Unavailable("another process has been changing the schema for a minute");
        }
    }
    ~SchemaLock()
    {
        try {
            Transaction transaction(connection_);
            connection_.query(fmt::format("SELECT RELEASE_LOCK({})", name));
            transaction.commit();
        } catch (const std::exception& error) {
            // With the connection the lock is gone as well.
            log::warn("sql", "lock of the schema not released", {{"error", error.what()}});
        }
    }
    SchemaLock(const SchemaLock&) = delete;
    SchemaLock& operator=(const SchemaLock&) = delete;

    // REQUIRES: in a transaction. A connection made anew does not have the lock of the lost one.
    void require() const
    {
        auto rows = connection_.query(fmt::format("SELECT COALESCE(IS_USED_LOCK({}), 0) = CONNECTION_ID()", name));
        if (rows.at(0).integer(0) != 1)
            throw Unavailable("the connection was lost while the schema was changed");
    }

private:
    // Locks are the server's: others may have a schema in another database of it.
    static constexpr std::string_view name = "CONCAT('gatehouse.', LEFT(SHA2(DATABASE(), 256), 32))";

    bool take()
    {
        Transaction transaction(connection_);
        auto rows = connection_.query(fmt::format("SELECT GET_LOCK({}, {})", name, lock_wait_seconds));
        transaction.commit();
        return rows.at(0).find_integer(0) == 1;
    }

    Connection& connection_;
};

// Goes through one step from where it stands.
class Step {
public:
    Step(Connection& connection, const SchemaLock& lock, std::string_view component, const Migration& migration)
        : connection_(connection), lock_(lock), component_(component), migration_(migration)
    {
    }

    void run()
    {
        auto begun = find_progress();
        std::int64_t done = begun.value_or(0);
        if (!begun)
            begin();
        for (auto i = static_cast<std::size_t>(done); i < migration_.statements.size(); ++i)
            apply(i, begun && static_cast<std::int64_t>(i) == done);
        finish();
    }

private:
    Params key() const { return {component_, std::int64_t{migration_.version}}; }

    std::optional<std::int64_t> find_progress()
    {
        Transaction transaction(connection_);
        lock_.require();
        auto rows =
            connection_.query("SELECT statements FROM schema_progress WHERE component = ? AND version = ?", key());
        transaction.commit();
        if (rows.empty())
            return std::nullopt;
        return rows[0].integer(0);
    }

    void begin()
    {
        Transaction transaction(connection_);
        lock_.require();
        connection_.execute("INSERT INTO schema_progress (component, version, statements) VALUES (?, ?, 0)", key());
        transaction.commit();
    }

    void apply(std::size_t index, bool may_be_done)
    {
        Transaction transaction(connection_);
        lock_.require();
        try {
            connection_.execute(for_dialect(connection_.dialect(), migration_.statements[index]));
        } catch (const SchemaConflict&) {
            if (!may_be_done)
                throw;
        }
        connection_.execute("UPDATE schema_progress SET statements = ? WHERE component = ? AND version = ?",
                            {static_cast<std::int64_t>(index + 1), component_, std::int64_t{migration_.version}});
        transaction.commit();
    }

    void finish()
    {
        Transaction transaction(connection_);
        lock_.require();
        record(connection_, component_, migration_);
        connection_.execute("DELETE FROM schema_progress WHERE component = ? AND version = ?", key());
        transaction.commit();
    }

    Connection& connection_;
    const SchemaLock& lock_;
    std::string component_;
    const Migration& migration_;
};

}  // namespace

void Database::apply_atomically(std::string_view component, const Migration& migration)
{
    auto apply = [&](Connection& connection) {
        for (auto statement : migration.statements)
            connection.execute(statement);
        record(connection, component, migration);
    };
    write_blocking(apply);
    log_migrated(name_, component, migration);
}

void Database::migrate_shared(std::string_view component, std::span<const Migration> migrations)
{
    Lease connection(*writers_);
    SchemaLock lock(*connection);
    auto prepare = [&](Connection& opened) {
        lock.require();
        prepare_tables(opened);
        refuse_unfinished(opened, name_);
        return schema_version(opened, component);
    };
    int version = in_transaction(*connection, prepare);
    refuse_newer(name_, component, version, migrations.size());
    for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(version))) {
        Step(*connection, lock, component, migration).run();
        log_migrated(name_, component, migration);
    }
}

void Database::migrate(std::string_view component, std::span<const Migration> migrations)
{
    for (std::size_t i = 0; i < migrations.size(); ++i)
        GH_ASSERT(migrations[i].version == static_cast<int>(i) + 1);
    if (shared_) {
        migrate_shared(component, migrations);
        return;
    }
    auto prepare = [&](Connection& connection) {
        prepare_tables(connection);
        refuse_unfinished(connection, name_);
        return schema_version(connection, component);
    };
    int version = write_blocking(prepare);
    refuse_newer(name_, component, version, migrations.size());
    for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(version)))
        apply_atomically(component, migration);
}

}  // namespace gatehouse::sql
