// SPDX-License-Identifier: Apache-2.0
// sql::Connection on MySQL and MariaDB: the only file that knows mysql.h.
//
// A connection is made by begin(), when there is none or the server has closed it meanwhile, and given up with the
// first error that leaves it in doubt. Authentication plugins (caching_sha2_password, of MySQL) are loaded by the
// library when the server asks for one; without TLS they fetch the server's RSA key themselves.
#include "base/log.hpp"
#include "sql/database.hpp"
#include "sql/examination.hpp"
#include "sql/mysql_url.hpp"
#include "sql/statement_cache.hpp"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>

namespace gatehouse::sql {

namespace {

enum class Access { write, read };

// Seconds. The read timeout bounds every answer of the server, so lock waits are shorter.
constexpr unsigned connect_timeout = 3;
constexpr unsigned answer_timeout = 10;
constexpr int lock_wait_timeout = 3;
constexpr int group_concat_max = 1 << 20;  // bytes; beyond it a list would be cut off in silence

// After a connect that failed others are not tried for this long, doubled with each failure, at random down to half.
constexpr std::chrono::milliseconds pause_first{50};
constexpr std::chrono::milliseconds pause_max{400};

struct CloseHandle {
    void operator()(MYSQL* handle) const { mysql_close(handle); }
};
struct CloseStatement {
    void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};
struct FreeResult {
    void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using Handle = std::unique_ptr<MYSQL, CloseHandle>;
using Statement = std::unique_ptr<MYSQL_STMT, CloseStatement>;

// While the server is away one connection at a time finds out whether it is back; the others fail at once, so that no
// caller waits in a row of timeouts. Any thread.
class Gate {
public:
    // Throws Unavailable when this is not the moment to connect.
    void enter()
    {
        std::scoped_lock lock(mutex_);
        if (failures_ == 0)
            return;
        if (probing_ || std::chrono::steady_clock::now() < next_)
            throw Unavailable("mysql: the server is away: " + why_);
        probing_ = true;
    }

    void succeeded()
    {
        std::scoped_lock lock(mutex_);
        probing_ = false;
        if (failures_ > 0)
            log::info("sql", "the database server is back", {});
        failures_ = 0;
    }

    void failed(std::string why)
    {
        std::scoped_lock lock(mutex_);
        probing_ = false;
        if (failures_ == 0)
            log::warn("sql", "the database server is away", {{"error", why}});
        auto longest = std::min(pause_first * (1 << std::min(failures_, 8)), pause_max);
        ++failures_;
        why_ = std::move(why);
        std::uniform_int_distribution<std::int64_t> pause(longest.count() / 2, longest.count());
        next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(pause(random_));
    }

private:
    std::mutex mutex_;
    int failures_ = 0;  // in a row
    bool probing_ = false;
    std::string why_;
    std::chrono::steady_clock::time_point next_;
    std::minstd_rand random_{std::random_device{}()};
};

// What the server or the library said, as an exception and as what follows for the connection.
enum class Kind { unique, conflict, retry, lost, unavailable, wrong };

bool is_client_error(unsigned code)
{
    return (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR) || (code >= CER_MIN_ERROR && code <= CER_MAX_ERROR);
}

// Numbers without a name in MariaDB's header are MySQL's own.
Kind classify(unsigned code)
{
    if (is_client_error(code))
        return Kind::lost;
    switch (code) {
    case ER_DUP_ENTRY:
    case ER_DUP_UNIQUE:
    case ER_DUP_ENTRY_WITH_KEY_NAME: return Kind::unique;
    case ER_TABLE_EXISTS_ERROR:
    case ER_DUP_FIELDNAME:
    case ER_DUP_KEYNAME:
    case ER_CANT_DROP_FIELD_OR_KEY: return Kind::conflict;
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CHECKREAD:
    case ER_NEED_REPREPARE: return Kind::retry;
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_CONNECTION_KILLED:
    case ER_NEW_ABORTING_CONNECTION:
    case 4031:  // closed by the server because nothing was sent
    case ER_QUERY_INTERRUPTED: return Kind::lost;
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
    case ER_OPTION_PREVENTS_STATEMENT:  // read-only
    case ER_READ_ONLY_MODE:
    case ER_RECORD_FILE_FULL:
    case ER_DISK_FULL:
    case ER_OUTOFMEMORY:
    case ER_OUT_OF_SORTMEMORY:
    case ER_OUT_OF_RESOURCES:
    case ER_ERROR_ON_WRITE:
    case ER_ERROR_ON_READ:
    case ER_GET_ERRNO:
    case ER_ERROR_DURING_COMMIT:
    case ER_MAX_PREPARED_STMT_COUNT_REACHED:
    case ER_STATEMENT_TIMEOUT:
    case 3024:  // the same in MySQL
    case 3100:  // a group of servers says no
    case 3101:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_ERROR:
    case ER_BAD_DB_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR: return Kind::unavailable;
    default: return Kind::wrong;
    }
}

[[noreturn]] void raise(Kind kind, unsigned code, std::string_view message)
{
    std::string text = fmt::format("mysql: {} ({})", message, code);
    switch (kind) {
    case Kind::unique: throw UniqueViolation(text);
    case Kind::conflict: throw SchemaConflict(text);
    case Kind::retry: throw SerializationFailure(text);
    case Kind::lost:
    case Kind::unavailable: throw Unavailable(text);
    case Kind::wrong: break;
    }
    throw std::logic_error(text);
}

void set_tls(MYSQL* handle, const MysqlOptions& options)
{
    my_bool on = 1;
    my_bool off = 0;
    if (options.tls == Tls::off)
        return;
    mysql_optionsv(handle, MYSQL_OPT_SSL_ENFORCE, &on);
    mysql_optionsv(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, options.tls == Tls::verify ? &on : &off);
    mysql_optionsv(handle, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
    if (!options.ca.empty())
        mysql_optionsv(handle, MYSQL_OPT_SSL_CA, options.ca.c_str());
    else if (options.tls == Tls::verify)
        mysql_optionsv(handle, MYSQL_OPT_SSL_CAPATH, "/etc/ssl/certs");
}

Handle make_handle(const MysqlOptions& options)
{
    Handle handle(mysql_init(nullptr));
    if (!handle)
        throw Unavailable("mysql: out of memory");
    my_bool off = 0;
    unsigned no_file = 0;
    unsigned tcp = MYSQL_PROTOCOL_TCP;  // also for "localhost", which would be a socket's name
    mysql_optionsv(handle.get(), MYSQL_OPT_PROTOCOL, &tcp);
    mysql_optionsv(handle.get(), MYSQL_OPT_LOCAL_INFILE, &no_file);  // a server could ask for any file of ours
    mysql_optionsv(handle.get(), MYSQL_OPT_RECONNECT, &off);
    mysql_optionsv(handle.get(), MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
    mysql_optionsv(handle.get(), MYSQL_OPT_READ_TIMEOUT, &answer_timeout);
    mysql_optionsv(handle.get(), MYSQL_OPT_WRITE_TIMEOUT, &answer_timeout);
    mysql_optionsv(handle.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    set_tls(handle.get(), options);
    return handle;
}

// One parameter, in the form the library wants; refers to the value.
MYSQL_BIND to_bind(const Value& value)
{
    MYSQL_BIND bind{};
    auto bytes = [&](enum_field_types type, const std::string& text) {
        bind.buffer_type = type;
        bind.buffer = const_cast<char*>(text.data());
        bind.buffer_length = static_cast<unsigned long>(text.size());
    };
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        bind.buffer_type = MYSQL_TYPE_LONGLONG;
        bind.buffer = const_cast<std::int64_t*>(integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
        bind.buffer_type = MYSQL_TYPE_DOUBLE;
        bind.buffer = const_cast<double*>(real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
        bytes(MYSQL_TYPE_STRING, *text);
    } else if (const auto* blob = std::get_if<Blob>(&value)) {
        bytes(MYSQL_TYPE_BLOB, blob->bytes);
    } else {
        bind.buffer_type = MYSQL_TYPE_NULL;
    }
    return bind;
}

// One column of a result: where the library puts a row's value.
class Column {
public:
    explicit Column(const MYSQL_FIELD& field) : type_(type_of(field)) {}

    void bind(MYSQL_BIND& bind)
    {
        bind.is_null = &null_;
        bind.length = &length_;
        bind.error = &error_;
        bind.buffer_type = type_;
        if (type_ == MYSQL_TYPE_LONGLONG)
            bind.buffer = &integer_;
        else if (type_ == MYSQL_TYPE_DOUBLE)
            bind.buffer = &real_;
        // Bytes: only the length at first, then fetched into a place of that size.
    }

    // False when it could not be fetched.
    bool read(MYSQL_STMT* statement, unsigned index, Value& value)
    {
        value = std::monostate{};
        if (null_)
            return true;
        if (type_ == MYSQL_TYPE_LONGLONG) {
            value = integer_;
            return true;
        }
        if (type_ == MYSQL_TYPE_DOUBLE) {
            value = real_;
            return true;
        }
        std::string bytes(length_, '\0');
        if (length_ > 0) {
            MYSQL_BIND place{};
            unsigned long length = 0;
            my_bool null = 0;
            my_bool error = 0;
            place.buffer_type = type_;
            place.buffer = bytes.data();
            place.buffer_length = length_;
            place.length = &length;
            place.is_null = &null;
            place.error = &error;
            if (mysql_stmt_fetch_column(statement, &place, index, 0) != 0)
                return false;
        }
        if (type_ == MYSQL_TYPE_BLOB)
            value = Blob{std::move(bytes)};
        else
            value = std::move(bytes);
        return true;
    }

private:
    static enum_field_types type_of(const MYSQL_FIELD& field)
    {
        constexpr unsigned binary_charset = 63;
        switch (field.type) {
        case MYSQL_TYPE_TINY:
        case MYSQL_TYPE_SHORT:
        case MYSQL_TYPE_INT24:
        case MYSQL_TYPE_LONG:
        case MYSQL_TYPE_LONGLONG:
        case MYSQL_TYPE_YEAR: return MYSQL_TYPE_LONGLONG;
        case MYSQL_TYPE_FLOAT:
        case MYSQL_TYPE_DOUBLE: return MYSQL_TYPE_DOUBLE;
        case MYSQL_TYPE_DECIMAL:
        case MYSQL_TYPE_NEWDECIMAL: return field.decimals == 0 ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_DOUBLE;
        default: return field.charsetnr == binary_charset ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
        }
    }

    enum_field_types type_;
    std::int64_t integer_ = 0;
    double real_ = 0;
    unsigned long length_ = 0;
    my_bool null_ = 0;
    my_bool error_ = 0;
};

// Whatever happens, a statement goes back to the cache without a result.
class FreeAtEnd {
public:
    explicit FreeAtEnd(MYSQL_STMT* statement) : statement_(statement) {}
    ~FreeAtEnd() { mysql_stmt_free_result(statement_); }
    FreeAtEnd(const FreeAtEnd&) = delete;
    FreeAtEnd& operator=(const FreeAtEnd&) = delete;

private:
    MYSQL_STMT* statement_;
};

class MysqlConnection final : public Connection {
public:
    MysqlConnection(std::shared_ptr<const MysqlOptions> options, std::shared_ptr<Gate> gate, Access access)
        : options_(std::move(options)), gate_(std::move(gate)), access_(access)
    {
    }

    std::vector<Row> query(std::string_view sql, const Params& params) override
    {
        MYSQL_STMT* statement = run(sql, params);
        FreeAtEnd free(statement);
        return fetch(statement);
    }

    std::int64_t execute(std::string_view sql, const Params& params) override
    {
        MYSQL_STMT* statement = run(sql, params);
        FreeAtEnd free(statement);
        if (mysql_stmt_field_count(statement) > 0) {
            fetch(statement);
            return 0;
        }
        return static_cast<std::int64_t>(mysql_stmt_affected_rows(statement));
    }

    void begin() override
    {
        bool fresh = !is_open();
        if (fresh)
            connect();
        if (mysql_real_query(handle_.get(), begin_text().data(), begin_text().size()) == 0)
            return;
        // The server closes connections that nobody used for long. Nothing has been done yet.
        if (fresh || classify(mysql_errno(handle_.get())) != Kind::lost)
            fail();
        connect();
        simple(begin_text());
    }

    void commit() override { simple("COMMIT"); }

    void rollback() noexcept override
    {
        if (is_open() && mysql_real_query(handle_.get(), "ROLLBACK", 8) != 0)
            lost_ = true;  // the server rolls back what has no connection
        if (lost_)
            close();
    }

    Dialect dialect() const override { return Dialect::mysql; }

private:
    std::string_view begin_text() const
    {
        return access_ == Access::write ? "START TRANSACTION" : "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    }

    bool is_open() const { return handle_ && !lost_; }

    void close() noexcept
    {
        statements_.clear();
        handle_.reset();
        lost_ = false;
    }

    void connect()
    {
        close();
        gate_->enter();
        try {
            open();
        } catch (const std::exception& error) {
            close();
            gate_->failed(error.what());
            throw Unavailable(error.what());  // whatever the server minds about it
        }
        gate_->succeeded();
    }

    void open()
    {
        handle_ = make_handle(*options_);
        // Rows found count, changed or not.
        constexpr unsigned long flags = CLIENT_FOUND_ROWS;
        if (!mysql_real_connect(handle_.get(), options_->host.c_str(), options_->user.c_str(),
                                std::string(options_->password.reveal()).c_str(), options_->database.c_str(),
                                options_->port, nullptr, flags))
            fail();
        simple("SET NAMES utf8mb4 COLLATE utf8mb4_bin");
        simple(fmt::format("SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,"
                           "NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, "
                           "group_concat_max_len = {}, innodb_lock_wait_timeout = {}",
                           group_concat_max, lock_wait_timeout));
        simple(access_ == Access::write ? "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"
                                        : "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    }

    [[noreturn]] void fail() { fail(mysql_errno(handle_.get()), mysql_error(handle_.get())); }
    [[noreturn]] void fail(MYSQL_STMT* statement) { fail(mysql_stmt_errno(statement), mysql_stmt_error(statement)); }
    [[noreturn]] void fail(unsigned code, std::string message)
    {
        Kind kind = classify(code);
        if (kind == Kind::lost)
            lost_ = true;
        raise(kind, code, message);
    }

    void require_open() const
    {
        if (!is_open())
            throw Unavailable("mysql: the connection was lost");
    }

    void simple(std::string_view sql)
    {
        require_open();
        if (mysql_real_query(handle_.get(), sql.data(), sql.size()) != 0)
            fail();
    }

    MYSQL_STMT* prepare(std::string_view sql)
    {
        require_open();
        if (auto* known = statements_.find(sql))
            return known;
        Statement statement(mysql_stmt_init(handle_.get()));
        if (!statement)
            throw Unavailable("mysql: out of memory");
        if (mysql_stmt_prepare(statement.get(), sql.data(), sql.size()) != 0)
            fail(statement.get());
        return statements_.add(sql, std::move(statement));
    }

    // The parameters outlive the statement's run, so that nothing is copied.
    MYSQL_STMT* run(std::string_view sql, const Params& params)
    {
        MYSQL_STMT* statement = prepare(sql);
        if (mysql_stmt_param_count(statement) != params.size())
            throw std::logic_error(fmt::format("mysql: {} parameters for a statement with {}", params.size(),
                                               mysql_stmt_param_count(statement)));
        std::vector<MYSQL_BIND> binds;
        for (const Value& value : params)
            binds.push_back(to_bind(value));
        if (!binds.empty() && mysql_stmt_bind_param(statement, binds.data()) != 0)
            fail(statement);
        if (mysql_stmt_execute(statement) != 0)
            fail(statement);
        return statement;
    }

    std::vector<Row> fetch(MYSQL_STMT* statement)
    {
        std::unique_ptr<MYSQL_RES, FreeResult> result(mysql_stmt_result_metadata(statement));
        if (!result)
            return {};
        std::vector<Column> columns;
        const MYSQL_FIELD* fields = mysql_fetch_fields(result.get());
        columns.reserve(mysql_num_fields(result.get()));
        for (unsigned i = 0; i < mysql_num_fields(result.get()); ++i)
            columns.emplace_back(fields[i]);
        std::vector<MYSQL_BIND> binds(columns.size());
        for (std::size_t i = 0; i < columns.size(); ++i)
            columns[i].bind(binds[i]);
        if (mysql_stmt_bind_result(statement, binds.data()) != 0 || mysql_stmt_store_result(statement) != 0)
            fail(statement);

        std::vector<Row> rows;
        while (true) {
            int code = mysql_stmt_fetch(statement);
            if (code == MYSQL_NO_DATA)
                return rows;
            if (code != 0 && code != MYSQL_DATA_TRUNCATED)
                fail(statement);
            std::vector<Value> values(columns.size());
            for (unsigned i = 0; i < columns.size(); ++i)
                if (!columns[i].read(statement, i, values[i]))
                    fail(statement);
            rows.emplace_back(std::move(values));
        }
    }

    std::shared_ptr<const MysqlOptions> options_;
    std::shared_ptr<Gate> gate_;
    Access access_;
    bool lost_ = false;
    Handle handle_;
    StatementCache<Statement> statements_;  // closed before the handle
};

}  // namespace

std::unique_ptr<Database> open_mysql(std::string name, const std::string& url)
{
    auto options = std::make_shared<const MysqlOptions>(parse_mysql_url(url));
    if (mysql_library_init(0, nullptr, nullptr) != 0)
        throw Unavailable("mysql: the library cannot be used");
    auto gate = std::make_shared<Gate>();
    auto open_writer = [=] { return std::make_unique<MysqlConnection>(options, gate, Access::write); };
    auto open_reader = [=] { return std::make_unique<MysqlConnection>(options, gate, Access::read); };
    std::size_t writers = options->connections / 2;
    Database::Options sizes{
        .name = std::move(name), .writers = writers, .readers = options->connections - writers, .shared = true};
    return std::make_unique<Database>(std::move(sizes), open_writer, open_reader);
}

std::unique_ptr<Connection> open_mysql_to_look(const std::string& url)
{
    auto options = std::make_shared<const MysqlOptions>(parse_mysql_url(url));
    if (mysql_library_init(0, nullptr, nullptr) != 0)
        throw Unavailable("mysql: the library cannot be used");
    return std::make_unique<MysqlConnection>(options, std::make_shared<Gate>(), Access::read);
}

}  // namespace gatehouse::sql
