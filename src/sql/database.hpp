// SPDX-License-Identifier: Apache-2.0
// A database as roles use it: connections and the threads they block on, behind two coroutines.
//
//   auto user = co_await database.read([&](sql::Connection& c) { return find_user(c, name); });
//   co_await database.write([&](sql::Connection& c) { insert_user(c, user); });   // one transaction
//
// SQLite: one writer connection with a thread of its own, a few query-only readers; write-ahead log, synchronous=FULL,
// checkpoints by the writer only. One process at a time (the data directory's lock sees to that).
// Any thread may call; work is queued, bounded, and then Unavailable.
#pragma once

#include "base/blocking_pool.hpp"
#include "sql/connection.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::sql {

// A step of a schema: run once, in order, in one transaction each; `version` counts from 1 without gaps.
struct Migration {
    int version;
    std::string_view name;
    std::vector<std::string_view> statements;
};

class Database final {
public:
    using Open = std::function<std::unique_ptr<Connection>()>;

    struct Options {
        std::string name;           // "auth", "files", "queue": thread names and messages
        std::size_t writers = 1;    // 1 for SQLite
        std::size_t readers = 2;    // 0: reads go to the writers
        std::size_t queue_max = 4096;
    };
    Database(Options options, Open open_writer, Open open_reader);
    ~Database();

    // Runs fn(Connection&) on a pool thread. write() wraps it in a transaction and commits before it returns.
    template <class F>
    Task<std::invoke_result_t<F&, Connection&>> read(F fn);
    template <class F>
    Task<std::invoke_result_t<F&, Connection&>> write(F fn);

    // The same, blocking the calling thread: at start and for the command line.
    template <class F>
    auto read_blocking(F fn);
    template <class F>
    auto write_blocking(F fn);

    // Brings the schema to the newest version; throws std::runtime_error when the store is newer than the program.
    // `component` names the schema ("auth", "queue"): several may live in one database.
    void migrate(std::string_view component, std::span<const Migration> migrations);

    void stop();  // finishes what is queued

private:
    class Lease;  // a connection out of the pool, given back when destroyed
    Lease take(bool writer);

    struct Side;
    std::unique_ptr<Side> writers_;
    std::unique_ptr<Side> readers_;
};

// `path` is created with mode 0600 when missing.
std::unique_ptr<Database> open_sqlite(std::string name, const std::filesystem::path& path);

}  // namespace gatehouse::sql
