// SPDX-License-Identifier: Apache-2.0
#include "app/stores.hpp"

#include "app/store_url.hpp"

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

// What went wrong, with the key that says where.
template <class Open>
auto open_store(std::string_view key, const std::string& url, Open open)
{
    try {
        return open();
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{} ({}): {}", key, url, error.what()));
    }
}

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
    stores.queue_database = open_store("events.store", config.events.store, [&] {
        return sql::open_sqlite("queue", store_path(config.events.store, data));
    });
    stores.queue = open_store("events.store", config.events.store, [&] {
        return events::make_sqlite_event_queue(*stores.queue_database, clock, config.events.retry);
    });
    if (roles.has(Role::auth))
        stores.auth = open_store("auth.store", config.auth.store,
                                 [&] { return sql::open_sqlite("auth", store_path(config.auth.store, data)); });
    if (roles.has(Role::files)) {
        auto directory = store_path(config.files.store, data);
        auto records = std::filesystem::path(directory).concat(".db");
        stores.files = open_store("files.store", config.files.store,
                                  [&] { return files::make_local_file_store(directory, records); });
    }
    return stores;
}

}  // namespace gatehouse::app
