// SPDX-License-Identifier: Apache-2.0
#include "app/migration.hpp"

#include "app/backup.hpp"
#include "app/migration_source.hpp"
#include "app/progress_bar.hpp"
#include "app/run_task.hpp"
#include "app/secret_keys.hpp"
#include "app/store_url.hpp"
#include "auth/examination.hpp"
#include "auth/transfer.hpp"
#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "events/transfer.hpp"
#include "files/transfer.hpp"
#include "sql/closed_database.hpp"
#include "sql/database.hpp"
#include "sql/examination.hpp"
#include "sql/table_transfer.hpp"
#include "sql/unfinished_transfer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t examples_max = 20;

// Says which source it was, in as many characters as a mark takes.
std::string origin_of(const SourcePaths& paths)
{
    constexpr std::size_t path_max = 180;
    std::string path = fs::canonical(paths.data).string();
    return fmt::format("{} ({})", path.size() > path_max ? "a data directory" : path,
                       to_hex(sha256(path)).substr(0, 16));
}

std::string read_text(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What was signed or encrypted with it (download links, links in mails that wait) must stay good.
void require_same_service_key(const Config& from, const Config& to, const SourcePaths& paths)
{
    fs::path file = paths.data / "service.key";
    std::string old_key(from.service_key.reveal());
    if (old_key.empty() && fs::exists(file))
        old_key = read_text(file);
    if (old_key.empty() || old_key == to.service_key.reveal())
        return;
    throw std::runtime_error(
        fmt::format("service_key {}: it must be that of the old installation{}",
                    to.service_key.empty() ? "is not set" : "is another one",
                    fs::exists(file) ? fmt::format(" (GATEHOUSE_SERVICE_KEY_FILE={})", file.string()) : ""));
}

void require_target_empty(std::string_view key, const std::string& url, const std::vector<std::string>& content)
{
    if (!content.empty())
        throw std::runtime_error(fmt::format("{} ({}) holds something already: {}. Migrate into an empty one, or into "
                                             "one where an earlier run from the same data directory is unfinished",
                                             key, redact_url(url), fmt::join(content, ", ")));
}

void require_origin(std::string_view key, const std::string& found, const std::string& origin)
{
    if (found != origin)
        throw std::runtime_error(
            fmt::format("{} holds an unfinished migration from {}, and this is {}", key, found, origin));
}

class Migration final {
public:
    Migration(const Config& from, const Config& to, bool finish)
        : from_(from), to_(to), finish_(finish), paths_(from), source_data_(paths_.data), target_data_(to.data)
    {
    }
    ~Migration()
    {
        if (auth_)
            auth_->stop();
    }
    Migration(const Migration&) = delete;
    Migration& operator=(const Migration&) = delete;

    MigrationReport run()
    {
        // Without a server there, none may start meanwhile. With one, it goes on.
        bool serves = !source_data_.try_lock();
        if (!target_data_.try_lock())
            throw std::runtime_error(
                fmt::format("a process works in {}: name another directory with --data", target_data_.path().string()));
        require_same_service_key(from_, to_, paths_);
        open_target();
        take_copies(false);
        check_source();
        check_target();
        std::optional<ClosedSource> closed;
        if (finish_) {
            closed.emplace(paths_);
            fmt::print(stderr, "The old stores take no changes from now on.{}\n", serves ? " Reads go on." : "");
            take_copies(true);
        }
        mark_target();
        bring();
        compare();
        if (finish_ && report_.different() == 0) {
            closed->keep();
            clear_marks();
            report_.finished = true;
        }
        return std::move(report_);
    }

private:
    void open_target()
    {
        auth_ = sql::open_mysql("auth", to_.auth.store);
        auto look = [](sql::Connection& connection) { return sql::find_unfinished(connection); };
        auth_mark_ = auth_->write_blocking(look);
        if (!auth_mark_)
            auth::make_tables(*auth_);
    }

    // Anew: the old ones go first.
    void take_copies(bool with_events)
    {
        files_.reset();
        queue_.reset();
        copies_.reset();
        copies_.emplace(paths_, target_data_.path() / "migrate", from_.events, with_events);
        files_.emplace(copies_->files(), paths_.content, to_.files.store, !finish_);
        queue_.emplace(copies_->queue(), to_.events.store, clock_, to_.events.retry);
    }

    void check_source()
    {
        if (auto table = auth::find_unknown_table(copies_->auth()))
            throw std::runtime_error(
                fmt::format("{} has a table {} that this program does not know", paths_.auth.string(), *table));
        auth::SecretBox box = find_secret_box(to_, nullptr);
        if (auto error = auth::find_sealed_error(copies_->auth(), box)) {
            fs::path file = paths_.data / "auth.key";
            throw std::runtime_error(fmt::format(
                "{}. The new configuration needs the old key{}", *error,
                fs::exists(file) ? fmt::format(": GATEHOUSE_AUTH__ENCRYPTION_KEY_FILE={}", file.string()) : ""));
        }
    }

    void check_target()
    {
        std::string origin = origin_of(paths_);
        if (auth_mark_) {
            require_origin("auth.store", *auth_mark_, origin);
            auto look = [](sql::Connection& connection) { return sql::examine(connection, false).versions; };
            auto versions = auth_->read_blocking(look);
            auto version = versions.find(auth::schema_component);
            if (version == versions.end() || version->second != auth::newest_schema_version())
                throw std::runtime_error("auth.store holds an unfinished migration by another version of this program: "
                                         "empty the database and begin anew");
        } else {
            auto list = [](sql::Connection& connection) { return auth::list_content(connection); };
            require_target_empty("auth.store", to_.auth.store, auth_->read_blocking(list));
        }
        files_mark_ = files_->find_mark();
        if (files_mark_)
            require_origin("files.store", *files_mark_, origin);
        // The last steps of finishing clear this mark before that of auth.store.
        else if (!(auth_mark_ && finish_ && sql::is_closed_for_changes(paths_.auth)))
            require_target_empty("files.store", to_.files.store, files_->list_target());
        auto waiting = run_task(io_, queue_->list_target());
        if (!auth_mark_)
            require_target_empty("events.store", to_.events.store, waiting);
    }

    void mark_target()
    {
        std::string origin = origin_of(paths_);
        if (!files_mark_)
            files_->mark(origin);
        auto mark = [&](sql::Connection& connection) { sql::mark_unfinished(connection, origin); };
        if (!auth_mark_)
            auth_->write_blocking(mark);
    }

    void clear_marks()
    {
        files_->clear_mark();
        auto clear = [](sql::Connection& connection) { sql::clear_unfinished(connection); };
        auth_->write_blocking(clear);
    }

    void bring()
    {
        report_.as_of = copies_->as_of();
        bring_tables();
        files::FilesBrought brought;
        {
            ProgressBar bar("Files", files_->count_source().bytes, Unit::bytes);
            brought = files_->bring([&](std::uint64_t bytes) { bar.show(bytes); });
        }
        files_changed_ = brought.brought + brought.changed + brought.removed;
        for (const std::string& id : brought.damaged)
            report_.differences.push_back(
                fmt::format("files id={}: the old store does not have the content that its record speaks of", id));
        if (finish_) {
            ProgressBar bar("Events", queue_->count_source());
            run_task(io_, queue_->bring([&](std::uint64_t done) { bar.show(done); }));
        }
    }

    void bring_tables()
    {
        auto tables = auth::transferred_tables();
        std::uint64_t total = 0;
        for (const auto& table : tables) {
            report_.kinds.push_back({.name = table});
            total += sql::TableTransfer(copies_->auth(), *auth_, table).count_source();
        }
        for (std::size_t i = tables.size(); i-- > 0;)
            report_.kinds[i].changed += sql::TableTransfer(copies_->auth(), *auth_, tables[i]).remove_others();
        ProgressBar bar("Accounts", total);
        std::uint64_t done = 0;
        for (std::size_t i = 0; i < tables.size(); ++i) {
            sql::TableTransfer transfer(copies_->auth(), *auth_, tables[i]);
            report_.kinds[i].changed += transfer.bring([&](std::uint64_t seen) { bar.show(done + seen); });
            done += transfer.count_source();
        }
    }

    void compare()
    {
        for (MovedKind& kind : report_.kinds) {
            auto result = sql::TableTransfer(copies_->auth(), *auth_, kind.name).compare(examples_max);
            kind.source = result.source;
            kind.target = result.target;
            kind.different = result.different;
            add_differences(result.examples);
        }
        ProgressBar bar("Comparing", files_->count_source().bytes, Unit::bytes);
        auto files = files_->compare(examples_max, [&](std::uint64_t bytes) { bar.show(bytes); });
        report_.kinds.push_back({.name = "files",
                                 .source = files.source.files,
                                 .target = files.target.files,
                                 .changed = files_changed_,
                                 .different = files.different});
        report_.contents = files.contents;
        report_.contents_read = files.contents_read;
        report_.bytes = files.target.bytes;
        add_differences(files.examples);
        if (!finish_)
            return;
        for (const auto& queue : run_task(io_, queue_->compare(examples_max))) {
            report_.kinds.push_back({.name = fmt::format("queue {}", queue.queue),
                                     .source = queue.source_waiting + queue.source_dead,
                                     .target = queue.target_waiting + queue.target_dead,
                                     .changed = queue.source_waiting + queue.source_dead,
                                     .different = queue.different});
            add_differences(queue.examples);
        }
    }

    void add_differences(const std::vector<std::string>& examples)
    {
        for (const std::string& example : examples)
            if (report_.differences.size() < examples_max)
                report_.differences.push_back(example);
    }

    const Config& from_;
    const Config& to_;
    const bool finish_;
    const SourcePaths paths_;
    DataDirectory source_data_;
    DataDirectory target_data_;
    Clock clock_;
    asio::io_context io_;
    std::unique_ptr<sql::Database> auth_;
    std::optional<std::string> auth_mark_;
    std::optional<std::string> files_mark_;
    std::optional<SourceCopies> copies_;
    std::optional<files::FileTransfer> files_;
    std::optional<events::QueueTransfer> queue_;
    std::uint64_t files_changed_ = 0;
    MigrationReport report_;
};

}  // namespace

std::uint64_t MigrationReport::different() const
{
    std::uint64_t sum = 0;
    for (const MovedKind& kind : kinds)
        sum += kind.different;
    return sum;
}

MigrationReport run_migration(const Config& from, const Config& to, bool finish)
{
    SourcePaths paths(from);
    if (!fs::exists(paths.auth))
        throw std::runtime_error(fmt::format("there is no {}: is {} the data directory of an installation?",
                                             paths.auth.string(), paths.data.string()));
    std::error_code ignored;
    if (fs::equivalent(paths.data, to.data, ignored))
        throw std::runtime_error("the new installation needs a data directory of its own: name one with --data");
    if (fs::exists(paths.data / unfinished_restore))
        throw std::runtime_error(fmt::format("a restore into {} was not finished", paths.data.string()));
    return Migration(from, to, finish).run();
}

std::size_t open_source_again(const Config& from)
{
    std::size_t count = 0;
    for (const auto& path : SourcePaths(from).existing()) {
        if (!sql::is_closed_for_changes(path))
            continue;
        sql::open_for_changes(path);
        ++count;
    }
    return count;
}

std::optional<std::string> find_direction_error(const Config& from, const Config& to)
{
    for (const auto& [key, old_url, new_url] : {std::tuple{"auth.store", from.auth.store, to.auth.store},
                                                std::tuple{"files.store", from.files.store, to.files.store},
                                                std::tuple{"events.store", from.events.store, to.events.store}}) {
        if (!is_embedded(old_url))
            return fmt::format("{} of the old configuration is on a server already: only an installation whose stores "
                               "are all embedded can be moved",
                               key);
        if (is_embedded(new_url))
            return fmt::format("{} of the new configuration must be a server: all stores are moved at once", key);
    }
    return std::nullopt;
}

}  // namespace gatehouse::app
