// SPDX-License-Identifier: Apache-2.0
// A database as roles use it: connections and the threads they block on, behind two coroutines.
//
//   auto find = [&](sql::Connection& c) { return find_user(c, name); };
//   auto user = co_await database.read(find);
//   auto add = [&](sql::Connection& c) { insert_user(c, user); };
//   co_await database.write(add);  // one transaction
//
// What `find` and `add` refer to must live until the co_await is over. A cancelled caller still waits for its work.
//
// SQLite: one writer connection with a thread of its own, a few query-only readers; write-ahead log, synchronous=FULL,
// checkpoints by the writer only. One process at a time (the data directory's lock sees to that).
// Any thread may call; work is queued, bounded, and then Unavailable.
#pragma once

#include "base/blocking_pool.hpp"
#include "sql/connection.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
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
        std::string name;         // "auth", "files", "queue": thread names and messages
        std::size_t writers = 1;  // 1 for SQLite
        std::size_t readers = 2;  // 0: reads go to the writers
        std::size_t queue_max = 4096;
    };

    // Opens every connection, the writers first; what `open_writer` and `open_reader` throw comes out.
    Database(Options options, Open open_writer, Open open_reader);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Runs fn(Connection&) on a pool thread, in a transaction that fn must not end or nest. write() commits before it
    // returns; read() sees one state of the data throughout. What fn throws rolls back and comes out.
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
    // `component` names the schema ("auth", "queue"): several may live in one database. Blocks.
    void migrate(std::string_view component, std::span<const Migration> migrations);

    void stop();  // finishes what is queued; later calls of read() and write() throw Unavailable

private:
    // Connections of one kind, and as many threads to block on them.
    class Side {
    public:
        Side(std::string name, std::size_t count, std::size_t queue_max, const Open& open);

        std::unique_ptr<Connection> take();  // waits for a free one
        void give_back(std::unique_ptr<Connection> connection);
        BlockingPool& pool() { return pool_; }

    private:
        std::mutex mutex_;
        std::condition_variable returned_;
        std::vector<std::unique_ptr<Connection>> free_;
        BlockingPool pool_;  // the last member: its threads end first
    };

    // A connection out of its side, given back when destroyed.
    class Lease {
    public:
        explicit Lease(Side& side) : side_(side), connection_(side.take()) {}
        ~Lease() { side_.give_back(std::move(connection_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Connection& operator*() const { return *connection_; }

    private:
        Side& side_;
        std::unique_ptr<Connection> connection_;
    };

    Side& reading() { return readers_ ? *readers_ : *writers_; }

    template <class F>
    static std::invoke_result_t<F&, Connection&> transact(Side& side, F& fn);

    std::string name_;
    std::unique_ptr<Side> writers_;
    std::unique_ptr<Side> readers_;  // destroyed first: the writer, closing last, folds the log into the file
};

template <class F>
std::invoke_result_t<F&, Connection&> Database::transact(Side& side, F& fn)
{
    Lease connection(side);
    Transaction transaction(*connection);
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Connection&>>) {
        fn(*connection);
        transaction.commit();
    } else {
        auto result = fn(*connection);
        transaction.commit();
        return result;
    }
}

template <class F>
Task<std::invoke_result_t<F&, Connection&>> Database::read(F fn)
{
    auto job = [this, &fn] { return transact(reading(), fn); };
    co_return co_await reading().pool().run(std::move(job));
}

template <class F>
Task<std::invoke_result_t<F&, Connection&>> Database::write(F fn)
{
    auto job = [this, &fn] { return transact(*writers_, fn); };
    co_return co_await writers_->pool().run(std::move(job));
}

template <class F>
auto Database::read_blocking(F fn)
{
    return transact(reading(), fn);
}

template <class F>
auto Database::write_blocking(F fn)
{
    return transact(*writers_, fn);
}

// `path` is created with mode 0600 when missing. Throws Unavailable when it cannot be opened or is not a database.
std::unique_ptr<Database> open_sqlite(std::string name, const std::filesystem::path& path);

}  // namespace gatehouse::sql
