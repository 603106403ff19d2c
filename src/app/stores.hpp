// SPDX-License-Identifier: Apache-2.0
// The stores that the roles of one process keep their things in: chosen here, by the URLs of the configuration. One
// that is a server may be away when it is opened, and whenever it likes.
//
// Opened on the main thread, which blocks; used from any; stopped before the I/O threads are, because their work ends
// there.
#pragma once

#include "app/config.hpp"
#include "app/roles.hpp"
#include "base/clock.hpp"
#include "events/event_queue.hpp"
#include "files/file_store.hpp"
#include "sql/database.hpp"

#include <filesystem>
#include <memory>

namespace gatehouse::app {

struct Stores {
    std::unique_ptr<sql::Database> auth;            // users, sessions, keys
    std::unique_ptr<sql::Database> queue_database;  // what an embedded `queue` is kept in
    std::unique_ptr<events::EventQueue> queue;
    std::unique_ptr<files::FileStore> files;

    void stop();
};

// What the roles need, the others are null. Throws std::exception naming the store that cannot be opened.
Stores open_stores(const Config& config, const RoleSet& roles, const std::filesystem::path& data, const Clock& clock);

// What a management command needs (commands.hpp): the queue for dead letters, auth's store for the others; and the URL
// of that one.
Stores open_command_stores(const Config& config, std::string_view command, const std::filesystem::path& data,
                           const Clock& clock);
const std::string& command_store(const Config& config, std::string_view command);

}  // namespace gatehouse::app
