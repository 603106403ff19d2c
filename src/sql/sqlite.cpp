// SPDX-License-Identifier: Apache-2.0
// sql::Connection on SQLite: the only file that knows sqlite3.h.
//
// Checkpoints are the writer's alone: with a second connection that checkpoints, some versions of SQLite can lose a
// commit (sqlite.org/wal.html, "WAL-reset bug"). Memory is kept small: the page caches below are per connection.
#include "base/unique_fd.hpp"
#include "sql/closed_database.hpp"
#include "sql/database.hpp"
#include "sql/examination.hpp"
#include "sql/snapshot.hpp"
#include "sql/statement_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>

namespace gatehouse::sql {

namespace {

constexpr int busy_timeout_ms = 5'000;
constexpr std::int64_t closed_mark = 0x636c6f73;  // as user_version

enum class Access { write, read };

struct CloseConnection {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, CloseConnection>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// Whatever happens, a statement goes back to the cache without a read mark on the database or pointers to parameters.
class ResetAtEnd {
public:
    explicit ResetAtEnd(sqlite3_stmt* statement) : statement_(statement) {}
    ~ResetAtEnd()
    {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }
    ResetAtEnd(const ResetAtEnd&) = delete;
    ResetAtEnd& operator=(const ResetAtEnd&) = delete;

private:
    sqlite3_stmt* statement_;
};

[[noreturn]] void fail(sqlite3* connection, int code, Access access)
{
    std::string text = fmt::format("sqlite: {} ({})", connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code),
                                   sqlite3_errstr(code));
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: throw UniqueViolation(text);
    default: break;
    }
    switch (code & 0xff) {
    case SQLITE_READONLY:
        // Somebody writes through a reader: the program's mistake. For the writer it is the disk's state.
        if (access == Access::read)
            throw std::logic_error(text);
        throw Unavailable(text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOTADB: throw Unavailable(text);
    default: throw std::logic_error(text);
    }
}

class SqliteConnection final : public Connection {
public:
    SqliteConnection(const std::filesystem::path& path, Access access) : access_(access)
    {
        sqlite3* opened = nullptr;
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
        int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
        handle_.reset(opened);
        if (code != SQLITE_OK)
            fail(opened, code, access_);
        configure();
    }

    std::vector<Row> query(std::string_view sql, const Params& params) override
    {
        sqlite3_stmt* statement = prepare(sql);
        ResetAtEnd reset(statement);
        bind(statement, params);
        std::vector<Row> rows;
        while (step(statement))
            rows.push_back(read_row(statement));
        return rows;
    }

    std::int64_t execute(std::string_view sql, const Params& params) override
    {
        sqlite3_stmt* statement = prepare(sql);
        ResetAtEnd reset(statement);
        bind(statement, params);
        // sqlite3_changes64() keeps the number of an earlier statement when this one is not a change of rows.
        std::int64_t before = sqlite3_total_changes64(handle_.get());
        while (step(statement)) {
        }
        bool changed = sqlite3_total_changes64(handle_.get()) != before;
        return changed ? sqlite3_changes64(handle_.get()) : 0;
    }

    void begin() override
    {
        execute(access_ == Access::write ? "BEGIN IMMEDIATE" : "BEGIN", {});
        if (access_ == Access::write && query("PRAGMA user_version", {}).at(0).integer(0) == closed_mark) {
            rollback();
            throw Unavailable(
                "the embedded stores are closed for changes: `gatehouse migrate` moves them to servers, or "
                "has done so (`gatehouse migrate --back` opens them again)");
        }
    }

    void commit() override { execute("COMMIT", {}); }

    void rollback() noexcept override
    {
        // Some errors (a full disk) have rolled back already.
        if (sqlite3_get_autocommit(handle_.get()) == 0)
            sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }

    Dialect dialect() const override { return Dialect::sqlite; }

private:
    void configure()
    {
        sqlite3_busy_timeout(handle_.get(), busy_timeout_ms);
        sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
        run("PRAGMA foreign_keys = ON");
        run("PRAGMA temp_store = MEMORY");
        run("PRAGMA mmap_size = 0");
        if (access_ == Access::write) {
            run("PRAGMA cache_size = -1024");  // KiB
            auto mode = query("PRAGMA journal_mode = WAL", {});
            if (mode.at(0).text(0) != "wal")
                throw Unavailable("sqlite: the write-ahead log cannot be used here: is this a network file system?");
            run("PRAGMA synchronous = FULL");
            run("PRAGMA wal_autocheckpoint = 1000");  // pages
            run("PRAGMA journal_size_limit = 16777216");
        } else {
            sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
            run("PRAGMA cache_size = -512");
            run("PRAGMA wal_autocheckpoint = 0");
            run("PRAGMA query_only = ON");
        }
        statements_.clear();  // these are not needed again
    }

    void run(std::string_view sql) { execute(sql, {}); }

    void check(int code) const
    {
        if (code != SQLITE_OK)
            fail(handle_.get(), code, access_);
    }

    sqlite3_stmt* prepare(std::string_view sql)
    {
        if (auto* known = statements_.find(sql))
            return known;
        sqlite3_stmt* made = nullptr;
        const char* rest = nullptr;
        check(sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                 &made, &rest));
        Statement statement(made);
        std::string_view remains(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
        if (!statement || remains.find_first_not_of(" \t\r\n;") != std::string_view::npos)
            throw std::logic_error("sqlite: not exactly one statement");
        return statements_.add(sql, std::move(statement));
    }

    // The parameters outlive the statement's run, so that nothing is copied.
    void bind(sqlite3_stmt* statement, const Params& params) const
    {
        if (sqlite3_bind_parameter_count(statement) != static_cast<int>(params.size()))
            throw std::logic_error(fmt::format("sqlite: {} parameters for a statement with {}", params.size(),
                                               sqlite3_bind_parameter_count(statement)));
        int index = 0;
        for (const Value& value : params) {
            ++index;
            if (const auto* integer = std::get_if<std::int64_t>(&value))
                check(sqlite3_bind_int64(statement, index, *integer));
            else if (const auto* real = std::get_if<double>(&value))
                check(sqlite3_bind_double(statement, index, *real));
            else if (const auto* text = std::get_if<std::string>(&value))
                check(sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8));
            else if (const auto* blob = std::get_if<Blob>(&value))
                check(sqlite3_bind_blob64(statement, index, blob->bytes.data(), blob->bytes.size(), SQLITE_STATIC));
            else
                check(sqlite3_bind_null(statement, index));
        }
    }

    // True when there is a row.
    bool step(sqlite3_stmt* statement) const
    {
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            return true;
        if (code != SQLITE_DONE)
            fail(handle_.get(), code, access_);
        return false;
    }

    static Row read_row(sqlite3_stmt* statement)
    {
        std::vector<Value> values;
        int count = sqlite3_column_count(statement);
        values.reserve(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i)
            values.push_back(read_value(statement, i));
        return Row(std::move(values));
    }

    static Value read_value(sqlite3_stmt* statement, int column)
    {
        auto bytes_of = [&](const void* data) {
            auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
            if (data == nullptr && size > 0)
                throw Unavailable("sqlite: out of memory");
            return std::string(data ? static_cast<const char*>(data) : "", size);
        };
        switch (sqlite3_column_type(statement, column)) {
        case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, column)};
        case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
        case SQLITE_TEXT: return bytes_of(sqlite3_column_text(statement, column));
        case SQLITE_BLOB: return Blob{bytes_of(sqlite3_column_blob(statement, column))};
        default: return std::monostate{};
        }
    }

    Access access_;
    Handle handle_;
    StatementCache<Statement> statements_;  // finalized before the handle closes
};

// Only a missing file is opened here: closing a descriptor of a database that SQLite has open in this process would
// drop SQLite's locks on it. The log and its index get the file's mode from SQLite.
void create_private(const std::filesystem::path& path)
{
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file && errno != EEXIST)
        throw Unavailable(fmt::format("cannot create {}: {}", path.string(), std::strerror(errno)));
}

}  // namespace

std::unique_ptr<Database> open_sqlite(std::string name, const std::filesystem::path& path)
{
    // Absolute, because a name that begins with "file:" would be taken for a URI.
    auto absolute = std::filesystem::absolute(path);
    create_private(absolute);
    auto open_writer = [absolute] { return std::make_unique<SqliteConnection>(absolute, Access::write); };
    auto open_reader = [absolute] { return std::make_unique<SqliteConnection>(absolute, Access::read); };
    return std::make_unique<Database>(Database::Options{.name = std::move(name)}, open_writer, open_reader);
}

std::unique_ptr<Connection> open_sqlite_to_look(const std::filesystem::path& path)
{
    return std::make_unique<SqliteConnection>(std::filesystem::absolute(path), Access::read);
}

namespace {

// A connection beside those of a server.
Handle open_beside_others(const std::filesystem::path& path)
{
    sqlite3* opened = nullptr;
    int code = sqlite3_open_v2(
        std::filesystem::absolute(path).c_str(), &opened,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, nullptr);
    Handle handle(opened);
    if (code != SQLITE_OK)
        fail(opened, code, Access::write);
    sqlite3_busy_timeout(opened, busy_timeout_ms);
    // Checkpoints are the server's alone.
    sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_wal_autocheckpoint(opened, 0);
    return handle;
}

void run_directly(const Handle& handle, const char* sql)
{
    int code = sqlite3_exec(handle.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        fail(handle.get(), code, Access::write);
}

}  // namespace

// Two connections: one that keeps writers out, until the other has a view of the database that stays as it is.
struct SqliteSnapshot::Source {
    explicit Source(const std::filesystem::path& path)
        : name(path.string()), lock(open_beside_others(path)), view(open_beside_others(path))
    {
    }

    std::string name;
    Handle lock;
    Handle view;
};

SqliteSnapshot::SqliteSnapshot(std::span<const std::filesystem::path> databases)
{
    for (const auto& path : databases)
        sources_.push_back(std::make_unique<Source>(path));
    for (const auto& source : sources_)
        run_directly(source->lock, "BEGIN IMMEDIATE");
    // The view begins with the first look.
    for (const auto& source : sources_)
        run_directly(source->view, "BEGIN; SELECT COUNT(*) FROM sqlite_master");
    for (const auto& source : sources_)
        run_directly(source->lock, "ROLLBACK");
}

SqliteSnapshot::~SqliteSnapshot() = default;

void SqliteSnapshot::copy(std::size_t index, const std::filesystem::path& target) const
{
    const Source& source = *sources_.at(index);
    UniqueFd made(::open(target.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made)
        throw Unavailable(fmt::format("cannot make {}: {}", target.string(), std::strerror(errno)));
    {
        Handle copy = open_beside_others(target);
        sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", source.view.get(), "main");
        if (!backup)
            fail(copy.get(), sqlite3_errcode(copy.get()), Access::write);
        int code = sqlite3_backup_step(backup, -1);
        sqlite3_backup_finish(backup);
        if (code != SQLITE_DONE)
            throw Unavailable(
                fmt::format("cannot copy {} to {}: {}", source.name, target.string(), sqlite3_errstr(code)));
        // One file, without a log beside it.
        run_directly(copy, "PRAGMA journal_mode = DELETE");
        sqlite3_stmt* prepared = nullptr;
        if (sqlite3_prepare_v2(copy.get(), "PRAGMA quick_check(1)", -1, &prepared, nullptr) != SQLITE_OK)
            fail(copy.get(), sqlite3_errcode(copy.get()), Access::write);
        Statement statement(prepared);
        bool whole = sqlite3_step(prepared) == SQLITE_ROW &&
                     std::string_view(reinterpret_cast<const char*>(sqlite3_column_text(prepared, 0))) == "ok";
        if (!whole)
            throw Unavailable(fmt::format("the copy of {} is damaged, so it is damaged itself", source.name));
    }
    if (::fsync(made.get()) != 0)
        throw Unavailable(fmt::format("cannot write {}: {}", target.string(), std::strerror(errno)));
}

namespace {

// In a transaction of its own: while it has the lock, nobody else is about to commit.
void set_mark(const std::filesystem::path& database, std::int64_t mark)
{
    Handle handle = open_beside_others(database);
    run_directly(handle, fmt::format("BEGIN IMMEDIATE; PRAGMA user_version = {}; COMMIT", mark).c_str());
}

}  // namespace

void close_for_changes(const std::filesystem::path& database) { set_mark(database, closed_mark); }
void open_for_changes(const std::filesystem::path& database) { set_mark(database, 0); }

bool is_closed_for_changes(const std::filesystem::path& database)
{
    SqliteConnection connection(std::filesystem::absolute(database), Access::read);
    return connection.query("PRAGMA user_version", {}).at(0).integer(0) == closed_mark;
}

}  // namespace gatehouse::sql
