// SPDX-License-Identifier: Apache-2.0
// A database as roles use it: connections and the threads they block on, behind two coroutines.
//
//   auto find = [&](sql::Connection& c) { return find_user(c, name); };
//   auto user = co_await database.read(find);
//   auto add = [&](sql::Connection& c) { insert_user(c, user); };
//   co_await database.write(add);  // one transaction
//
// What `find` and `add` refer to must live until the co_await is over. A cancelled caller still waits for its work.
// They may run more than once: a transaction that met another one is rolled back and run again, a few times. So they
// change nothing but the database and what a second run overwrites.
//
// SQLite: one writer connection with a thread of its own, a few query-only readers; write-ahead log, synchronous=FULL,
// checkpoints by the writer only. One process at a time (the data directory's lock sees to that).
// MySQL: a few connections for writing, serializable, and as many for reading, opened when they are needed and again
// when they were lost. Many processes at a time.
// Any thread may call; work is queued, bounded, and then Unavailable.
#pragma once

#include "base/blocking_pool.hpp"
#include "sql/connection.hpp"

#include <atomic>
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
        bool shared = false;  // other processes use it at the same time, and its DDL is in no transaction: MySQL
    };

    // Opens every connection, the writers first; what `open_writer` and `open_reader` throw comes out.
    Database(Options options, Open open_writer, Open open_reader);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Runs fn(Connection&) on a pool thread, in a transaction that fn must not end or nest. write() commits before it
    // returns; read() sees one state of the data throughout. What fn throws rolls back and comes out, but for
    // SerializationFailure, after which fn runs again.
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
    // `component` names the schema ("auth", "queue"): several may live in one database. Processes that do it at once
    // wait for each other, for a minute, then Unavailable. After a crash in the middle the next call goes on. Blocks.
    void migrate(std::string_view component, std::span<const Migration> migrations);

    // Whether the last transaction could be made or refused by the database itself; true before the first one.
    bool available() const { return available_.load(std::memory_order_relaxed); }

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
    std::invoke_result_t<F&, Connection&> transact(Side& side, F& fn);
    template <class F>
    static std::invoke_result_t<F&, Connection&> transact_once(Side& side, F& fn);
    template <class F>
    static std::invoke_result_t<F&, Connection&> in_transaction(Connection& connection, F& fn);

    // Sleeps a little before the next attempt; false when there were enough.
    static bool may_retry(int attempt);

    void apply_atomically(std::string_view component, const Migration& migration);
    void migrate_shared(std::string_view component, std::span<const Migration> migrations);

    std::string name_;
    bool shared_;
    std::atomic<bool> available_{true};
    std::unique_ptr<Side> writers_;
    std::unique_ptr<Side> readers_;  // destroyed first: the writer, closing last, folds the log into the file
};

template <class F>
std::invoke_result_t<F&, Connection&> Database::in_transaction(Connection& connection, F& fn)
{
    Transaction transaction(connection);
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Connection&>>) {
        fn(connection);
        transaction.commit();
    } else {
        auto result = fn(connection);
        transaction.commit();
        return result;
    }
}

// The connection goes back before the next attempt is waited for.
template <class F>
std::invoke_result_t<F&, Connection&> Database::transact_once(Side& side, F& fn)
{
    Lease connection(side);
    return in_transaction(*connection, fn);
}

template <class F>
std::invoke_result_t<F&, Connection&> Database::transact(Side& side, F& fn)
{
    struct Note {  // how it ended: with anything but Unavailable the database has answered
        std::atomic<bool>& available;
        bool answered = true;
        ~Note() { available.store(answered, std::memory_order_relaxed); }
    } note{available_};
    for (int attempt = 1;; ++attempt) {
        try {
            return transact_once(side, fn);
        } catch (const SerializationFailure&) {
            if (!may_retry(attempt))
                throw;
        } catch (const Unavailable&) {
            note.answered = false;
            throw;
        }
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

// `url`: see mysql_url.hpp. Connects when it is needed, so the server may be away; calls throw Unavailable then, within
// the time a connect may take. Throws std::invalid_argument for a URL that is wrong.
std::unique_ptr<Database> open_mysql(std::string name, const std::string& url);

}  // namespace gatehouse::sql
