// SPDX-License-Identifier: Apache-2.0
#include "app/migration_source.hpp"

#include "app/backup_files.hpp"
#include "app/run_task.hpp"
#include "app/store_url.hpp"
#include "auth/transfer.hpp"
#include "events/event_queue.hpp"
#include "files/transfer.hpp"
#include "sql/closed_database.hpp"
#include "sql/database.hpp"
#include "sql/examination.hpp"
#include "sql/snapshot.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr const char* auth_name = "auth.db";
constexpr const char* files_name = "files.db";
constexpr const char* queue_name = "queue.db";
constexpr std::size_t page_events = 200;

// Stops it, so that nothing is left beside the file.
struct Opened {
    Opened(const char* name, const fs::path& path) : database(sql::open_sqlite(name, path)) {}
    ~Opened() { database->stop(); }
    std::unique_ptr<sql::Database> database;
};

events::Event parse(const std::string& body, std::string_view where)
{
    auto event = events::parse_event(body);
    if (!event)
        throw std::runtime_error(fmt::format("an event in the outbox of {} cannot be read: {}", where, event.error()));
    return std::move(*event);
}

void announce_auth(sql::Database& database, events::EventQueue& queue)
{
    asio::io_context io;
    std::string after;
    while (true) {
        auto read = [&](sql::Connection& connection) { return auth::list_outbox(connection, after, page_events); };
        auto page = database.read_blocking(read);
        if (page.empty())
            return;
        for (const auto& waiting : page)
            run_task(io, queue.publish(parse(waiting.body, auth_name)));
        after = page.back().id;
    }
}

void announce_files(sql::Database& database, events::EventQueue& queue)
{
    asio::io_context io;
    std::int64_t after = 0;
    while (true) {
        auto read = [&](sql::Connection& connection) { return files::list_outbox(connection, after, page_events); };
        auto page = database.read_blocking(read);
        if (page.empty())
            return;
        for (const auto& waiting : page)
            run_task(io, queue.publish(parse(waiting.body, files_name)));
        after = page.back().number;
    }
}

}  // namespace

SourcePaths::SourcePaths(const Config& from)
    : data(fs::absolute(from.data)), content(store_path(from.files.store, data)),
      auth(store_path(from.auth.store, data)), files(fs::path(content).concat(".db")),
      queue(store_path(from.events.store, data))
{
}

std::vector<fs::path> SourcePaths::existing() const
{
    std::vector<fs::path> found;
    for (const auto& path : {auth, files, queue})
        if (fs::exists(path))
            found.push_back(path);
    return found;
}

ClosedSource::ClosedSource(const SourcePaths& paths)
{
    try {
        for (const auto& path : paths.existing()) {
            if (sql::is_closed_for_changes(path))
                continue;
            opened_at_end_.push_back(path);
            sql::close_for_changes(path);
        }
    } catch (...) {
        for (const auto& path : opened_at_end_)
            sql::open_for_changes(path);
        throw;
    }
}

ClosedSource::~ClosedSource()
{
    for (const auto& path : opened_at_end_) {
        try {
            sql::open_for_changes(path);
        } catch (const std::exception& error) {
            fmt::print(stderr, "gatehouse: {} stays closed for changes: {}\n", path.string(), error.what());
        }
    }
}

SourceCopies::SourceCopies(const SourcePaths& paths, fs::path directory, const EventsConfig& events, bool with_events)
    : directory_(std::move(directory))
{
    fs::remove_all(directory_);
    make_private_directories(directory_);
    try {
        copy(paths);
        bring_up_to_date(events, with_events);
        auth_ = look(auth_name);
        files_ = look(files_name);
        queue_ = look(queue_name);
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(directory_, ignored);
        throw;
    }
}

SourceCopies::~SourceCopies()
{
    for (Look* look : {&auth_, &files_, &queue_}) {
        look->transaction.reset();
        look->connection.reset();
    }
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

void SourceCopies::copy(const SourcePaths& paths)
{
    std::vector<fs::path> from;
    std::vector<const char*> names;
    for (const auto& [path, name] :
         {std::pair{paths.auth, auth_name}, std::pair{paths.files, files_name}, std::pair{paths.queue, queue_name}}) {
        if (!fs::exists(path))
            continue;
        from.push_back(path);
        names.push_back(name);
    }
    sql::SqliteSnapshot snapshot(from);
    as_of_ = Clock().now();
    for (std::size_t i = 0; i < from.size(); ++i) {
        snapshot.copy(i, directory_ / names[i]);
        sql::open_for_changes(directory_ / names[i]);
    }
}

// Opening the queue settles, as a start does, what a process that is gone was handling.
void SourceCopies::bring_up_to_date(const EventsConfig& events, bool with_events)
{
    Clock clock;
    Opened auth("auth", directory_ / auth_name);
    auth::make_tables(*auth.database);
    Opened files("files", directory_ / files_name);
    files::migrate_records(*files.database);
    Opened queue("queue", directory_ / queue_name);
    auto opened = events::make_sqlite_event_queue(*queue.database, clock, events.retry);
    if (!with_events)
        return;
    announce_auth(*auth.database, *opened);
    announce_files(*files.database, *opened);
}

SourceCopies::Look SourceCopies::look(const char* name) const
{
    Look look;
    look.connection = sql::open_sqlite_to_look(directory_ / name);
    look.transaction = std::make_unique<sql::Transaction>(*look.connection);
    return look;
}

}  // namespace gatehouse::app
