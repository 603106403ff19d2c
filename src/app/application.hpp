// SPDX-License-Identifier: Apache-2.0
// The composition root: builds the objects of the configured roles, starts them, stops them. application.cpp reads top
// to bottom, and its order is the order in which things are built, started and (backwards) ended.
//
// Everything here is called on the main thread.
#pragma once

#include "app/config.hpp"
#include "app/config_load.hpp"
#include "app/listen_address.hpp"
#include "app/roles.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app {

// What a person at the terminal wants to know after the start.
struct StartReport {
    RoleSet roles;
    std::vector<Listening> listening;
    std::string public_url;
    ListenAddress ops;
    std::filesystem::path data;
    std::optional<std::filesystem::path> config;  // the file, if there is one
    std::optional<std::string> setup_link;        // while no administrator exists
};

class Application final {
public:
    // Takes the data directory's lock, opens the stores, binds the addresses. Throws std::exception whose what() is one
    // clear sentence.
    // `sources` is where `config` came from, and where a reload reads it again.
    explicit Application(Config config, Sources sources = {});
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    // Begins to serve. Throws like the constructor.
    void start();

    StartReport report() const;

    // Reads the configuration again, and takes what can change without a restart; the log says what came of it. After
    // start(), before stop().
    void reload();

    // Not ready any more, requests finish (gateway.drain at most), work in progress goes back to the queue, stores
    // close.
    void stop();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::app
