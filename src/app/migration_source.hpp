// SPDX-License-Identifier: Apache-2.0
// The side that `gatehouse migrate` reads: embedded stores in a data directory, with or without a server that works on
// them, and copies of their databases as they were at one moment. One thread, which blocks.
#pragma once

#include "app/config.hpp"
#include "app/data_directory.hpp"
#include "base/clock.hpp"
#include "sql/connection.hpp"

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace gatehouse::app {

struct SourcePaths {
    explicit SourcePaths(const Config& from);

    std::filesystem::path data;
    std::filesystem::path content;                        // of files
    std::filesystem::path auth, files, queue;             // databases
    std::vector<std::filesystem::path> existing() const;  // of the databases
};

// Closed for changes as long as this lives, and for good after keep(). One that was closed before stays so.
class ClosedSource final {
public:
    explicit ClosedSource(const SourcePaths& paths);
    ~ClosedSource();
    ClosedSource(const ClosedSource&) = delete;
    ClosedSource& operator=(const ClosedSource&) = delete;

    void keep() { opened_at_end_.clear(); }

private:
    std::vector<std::filesystem::path> opened_at_end_;
};

// Copies of the three databases, brought to the newest form of their schemas, each in a transaction that only reads.
class SourceCopies final {
public:
    // In `directory`, which is made, and removed at the end. `with_events`: those of the outboxes are put into the copy
    // of the queue, as the server's relays would have done.
    SourceCopies(const SourcePaths& paths, std::filesystem::path directory, const EventsConfig& events,
                 bool with_events);
    ~SourceCopies();
    SourceCopies(const SourceCopies&) = delete;
    SourceCopies& operator=(const SourceCopies&) = delete;

    sql::Connection& auth() { return *auth_.connection; }
    sql::Connection& files() { return *files_.connection; }
    sql::Connection& queue() { return *queue_.connection; }
    TimePoint as_of() const { return as_of_; }

private:
    struct Look {
        std::unique_ptr<sql::Connection> connection;
        std::unique_ptr<sql::Transaction> transaction;  // ends first
    };

    void copy(const SourcePaths& paths);
    void bring_up_to_date(const EventsConfig& events, bool with_events);
    Look look(const char* name) const;

    std::filesystem::path directory_;
    TimePoint as_of_;
    Look auth_, files_, queue_;
};

}  // namespace gatehouse::app
