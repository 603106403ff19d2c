// SPDX-License-Identifier: Apache-2.0
// One small interface over SQLite and MySQL: prepared statements with '?' parameters, rows, transactions.
//
// A Connection belongs to one thread at a time and blocks; sql::Database (database.hpp) runs work on connections from
// coroutines. SQL is written in the common subset; the few differences stand beside each other where they occur and ask
// dialect().
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gatehouse::sql {

enum class Dialect { sqlite, mysql };

struct Blob {
    std::string bytes;
    bool operator==(const Blob&) const = default;
};

// monostate is NULL. Times are stored as integers (milliseconds since 1970), booleans as 0 and 1.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;
using Params = std::vector<Value>;

class Row final {
public:
    explicit Row(std::vector<Value> values) : values_(std::move(values)) {}

    // REQUIRES: the column exists and has that type (GH_ASSERT): the statement stands beside the call.
    std::int64_t integer(std::size_t column) const;
    const std::string& text(std::size_t column) const;
    const std::string& blob(std::size_t column) const;
    bool is_null(std::size_t column) const;
    std::optional<std::int64_t> find_integer(std::size_t column) const;  // nullopt for NULL
    std::optional<std::string> find_text(std::size_t column) const;      // nullopt for NULL

private:
    std::vector<Value> values_;
};

// A unique key or primary key says no: an expected outcome, which the caller of an INSERT catches right there.
class UniqueViolation final : public std::runtime_error {
public:
    explicit UniqueViolation(const std::string& what) : std::runtime_error(what) {}
};

// The transaction met another one (a deadlock, a lock waited for too long) and must run again from its beginning:
// sql::Database does that a few times before the caller sees it, as what it is then: unavailable.
class SerializationFailure final : public Unavailable {
public:
    using Unavailable::Unavailable;
};

// A statement would make what exists, or drop what does not (MySQL only, whose DDL is in no transaction).
class SchemaConflict final : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

class Connection {
public:
    virtual ~Connection() = default;

    // All rows of a SELECT (or of a statement with RETURNING). Statements are prepared once and kept, at most
    // statements_max of them. Throws Unavailable when the database cannot be used, std::logic_error for wrong SQL, and
    // SerializationFailure, which a caller lets through.
    virtual std::vector<Row> query(std::string_view sql, const Params& params = {}) = 0;

    // How many rows an INSERT, UPDATE, DELETE or DDL statement changed. Throws UniqueViolation besides.
    virtual std::int64_t execute(std::string_view sql, const Params& params = {}) = 0;

    // For writing: takes the write lock at once where there is one, and is serializable everywhere. Connects when there
    // is no connection to a server (yet, or any more).
    virtual void begin() = 0;
    virtual void commit() = 0;  // when it throws Unavailable, nobody knows whether the transaction was made
    virtual void rollback() noexcept = 0;

    virtual Dialect dialect() const = 0;
};

// begin() now, rollback() when destroyed without commit().
class Transaction final {
public:
    explicit Transaction(Connection& connection) : connection_(connection) { connection_.begin(); }
    ~Transaction()
    {
        if (!done_)
            connection_.rollback();
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void commit()
    {
        connection_.commit();
        done_ = true;
    }

private:
    Connection& connection_;
    bool done_ = false;
};

}  // namespace gatehouse::sql
