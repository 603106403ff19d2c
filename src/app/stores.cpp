// SPDX-License-Identifier: Apache-2.0
#include "app/stores.hpp"

#include "app/store_url.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::app {

namespace {

constexpr std::chrono::milliseconds shortest_sweep_interval{500};

// What went wrong, with the key that says where.
template <class Open>
auto open_store(std::string_view key, const std::string& url, Open open)
{
    try {
        return open();
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{} ({}): {}", key, redact_url(url), error.what()));
    }
}

std::unique_ptr<sql::Database> open_auth(const std::string& url, const std::filesystem::path& data)
{
    return open_store("auth.store", url, [&] {
        return is_embedded(url) ? sql::open_sqlite("auth", store_path(url, data)) : sql::open_mysql("auth", url);
    });
}

std::unique_ptr<files::FileStore> open_files(const files::Config& config, const std::filesystem::path& data)
{
    const std::string& url = config.store;
    files::UploadOptions uploads;
    uploads.sweep_interval = std::clamp(config.upload_ttl / 10, shortest_sweep_interval, uploads.sweep_interval);
    return open_store("files.store", url, [&] {
        if (!is_embedded(url)) {
            files::MongoOptions options;
            options.abandoned_after = config.abandoned_after;
            options.sweep_interval = std::min(options.sweep_interval, config.abandoned_after);
            options.uploads = uploads;
            return files::make_mongo_file_store(url, options);
        }
        auto directory = store_path(url, data);
        return files::make_local_file_store(directory, std::filesystem::path(directory).concat(".db"), uploads);
    });
}

void open_queue(Stores& stores, const EventsConfig& events, const std::filesystem::path& data, const Clock& clock)
{
    open_store("events.store", events.store, [&] {
        if (!is_embedded(events.store)) {
            stores.queue = events::make_rabbitmq_event_queue(events.store, clock, events.retry);
            return;
        }
        stores.queue_database = sql::open_sqlite("queue", store_path(events.store, data));
        stores.queue = events::make_sqlite_event_queue(*stores.queue_database, clock, events.retry);
    });
}

bool is_queue_command(std::string_view command) { return command.starts_with("dead."); }

}  // namespace

void Stores::stop()
{
    if (files)
        files->stop();
    if (auth)
        auth->stop();
    if (queue_database)
        queue_database->stop();
}

Stores open_stores(const Config& config, const RoleSet& roles, const std::filesystem::path& data, const Clock& clock)
{
    Stores stores;
    bool uses_events =
        roles.has(Role::auth) || roles.has(Role::files) || roles.has(Role::worker) || roles.has(Role::notifier);
    if (uses_events)
        open_queue(stores, config.events, data, clock);
    if (roles.has(Role::auth))
        stores.auth = open_auth(config.auth.store, data);
    if (roles.has(Role::files) || roles.has(Role::worker))
        stores.files = open_files(config.files, data);
    return stores;
}

Stores open_command_stores(const Config& config, std::string_view command, const std::filesystem::path& data,
                           const Clock& clock)
{
    Stores stores;
    if (is_queue_command(command))
        open_queue(stores, config.events, data, clock);
    else
        stores.auth = open_auth(config.auth.store, data);
    return stores;
}

const std::string& command_store(const Config& config, std::string_view command)
{
    return is_queue_command(command) ? config.events.store : config.auth.store;
}

}  // namespace gatehouse::app
