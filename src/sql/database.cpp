// SPDX-License-Identifier: Apache-2.0
#include "sql/database.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

namespace gatehouse::sql {

namespace {

// Bytes of a thread's name that are ours to choose, so that "-w" and "-r" still fit.
constexpr std::size_t name_bytes_max = 10;

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

}  // namespace

Database::Side::Side(std::string name, std::size_t count, std::size_t queue_max, const Open& open)
    : pool_({.name = std::move(name), .threads = count, .queue_max = queue_max})
{
    for (std::size_t i = 0; i < count; ++i)
        free_.push_back(open());
}

std::unique_ptr<Connection> Database::Side::take()
{
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty(); });
    auto connection = std::move(free_.back());
    free_.pop_back();
    return connection;
}

void Database::Side::give_back(std::unique_ptr<Connection> connection)
{
    {
        std::scoped_lock lock(mutex_);
        free_.push_back(std::move(connection));
    }
    returned_.notify_one();
}

Database::Database(Options options, Open open_writer, Open open_reader) : name_(std::move(options.name))
{
    auto thread_name = name_.substr(0, name_bytes_max);
    writers_ = std::make_unique<Side>(thread_name + "-w", options.writers, options.queue_max, open_writer);
    if (options.readers > 0)
        readers_ = std::make_unique<Side>(thread_name + "-r", options.readers, options.queue_max, open_reader);
}

Database::~Database() { stop(); }

void Database::migrate(std::string_view component, std::span<const Migration> migrations)
{
    auto prepare = [&](Connection& connection) {
        connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations ("
                           "component VARCHAR(64) NOT NULL, version INTEGER NOT NULL, name VARCHAR(255) NOT NULL, "
                           "applied_at BIGINT NOT NULL, PRIMARY KEY (component, version))");
        return schema_version(connection, component);
    };
    int newest = static_cast<int>(migrations.size());
    int version = write_blocking(prepare);
    if (version > newest)
        throw std::runtime_error(fmt::format("the {} database has version {} of the schema \"{}\", but this program "
                                             "knows only {}: it was written by a newer program",
                                             name_, version, component, newest));
    for (int i = 0; i < newest; ++i) {
        const Migration& migration = migrations[static_cast<std::size_t>(i)];
        GH_ASSERT(migration.version == i + 1);
        if (migration.version <= version)
            continue;
        auto apply = [&](Connection& connection) {
            for (auto statement : migration.statements)
                connection.execute(statement);
            record(connection, component, migration);
        };
        write_blocking(apply);
        log::info(
            "sql", "schema migrated",
            {{"database", name_}, {"component", component}, {"version", migration.version}, {"name", migration.name}});
    }
}

void Database::stop()
{
    writers_->pool().stop();
    if (readers_)
        readers_->pool().stop();
}

}  // namespace gatehouse::sql
