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

class Connection {
public:
    virtual ~Connection() = default;

    // All rows of a SELECT (or of a statement with RETURNING). Statements are prepared once and kept, at most
    // statements_max of them. Throws Unavailable when the database cannot be used, std::logic_error for wrong SQL.
    virtual std::vector<Row> query(std::string_view sql, const Params& params = {}) = 0;

    // How many rows an INSERT, UPDATE, DELETE or DDL statement changed. Throws UniqueViolation besides.
    virtual std::int64_t execute(std::string_view sql, const Params& params = {}) = 0;

    virtual void begin() = 0;  // for writing: takes the write lock at once where there is one
    virtual void commit() = 0;
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
