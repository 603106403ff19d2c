// SPDX-License-Identifier: Apache-2.0
#include "app/backup.hpp"

#include "app/backup_files.hpp"
#include "app/data_directory.hpp"
#include "app/progress_bar.hpp"
#include "app/store_url.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "files/examination.hpp"
#include "sql/examination.hpp"
#include "sql/snapshot.hpp"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <system_error>

#include <unistd.h>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr int format = 1;
constexpr const char* manifest_name = "manifest.json";
constexpr int rounds_max = 50;

// A database and its place in a backup.
struct Database {
    std::string name;  // "auth.db"
    fs::path path;
};

// Where everything is in the data directory, and beside it.
struct Layout {
    explicit Layout(const Config& config) : data(fs::absolute(config.data))
    {
        if (is_embedded(config.auth.store))
            databases.push_back({"auth.db", store_path(config.auth.store, data)});
        else
            elsewhere.push_back("auth.store");
        if (is_embedded(config.files.store)) {
            content = store_path(config.files.store, data);
            databases.push_back({"files.db", fs::path(content).concat(".db")});
        } else {
            elsewhere.push_back("files.store");
        }
        if (is_embedded(config.events.store))
            databases.push_back({"queue.db", store_path(config.events.store, data)});
        else
            elsewhere.push_back("events.store");
    }

    // Where a path of a backup lies; throws for one that cannot be of a backup.
    fs::path place_of(const std::string& path) const
    {
        for (const Database& database : databases)
            if (database.name == path)
                return database.path;
        if (path == "service.key" || path == "auth.key")
            return data / path;
        bool below = path.starts_with("files/content/") && !content.empty();
        for (const auto& part : fs::path(path))
            below = below && part != ".." && part != ".";
        if (!below)
            throw std::runtime_error(fmt::format("the backup holds {}, for which there is no place: is the "
                                                 "configuration that of the backup?",
                                                 path));
        return content / fs::path(path).lexically_relative("files");
    }

    fs::path data;
    fs::path content;  // empty: not embedded
    std::vector<Database> databases;
    std::vector<std::string> elsewhere;  // stores on servers
};

using Manifest = std::map<std::string, CopiedFile>;  // by path

json::object to_json(const Manifest& manifest, const Layout& layout)
{
    json::array files;
    for (const auto& [path, file] : manifest)
        files.push_back({{"path", path}, {"size", file.size}, {"sha256", file.sha256}});
    json::object all;
    all["format"] = format;
    all["version"] = GATEHOUSE_VERSION;
    all["made_at"] = format_rfc3339(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    all["not_included"] = json::array(layout.elsewhere.begin(), layout.elsewhere.end());
    all["files"] = std::move(files);
    return all;
}

Manifest read_manifest(const fs::path& directory)
{
    std::ifstream file(directory / manifest_name, std::ios::binary);
    if (!file)
        throw std::runtime_error(
            fmt::format("{} is no backup that was finished: it has no {}", directory.string(), manifest_name));
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    auto parsed = parse_json(text);
    const json::object* all = parsed ? parsed->if_object() : nullptr;
    const json::value* files = all ? all->if_contains("files") : nullptr;
    if (!files || !files->is_array() || find_integer(*all, "format") != format)
        throw std::runtime_error(
            fmt::format("{}/{} cannot be read by this version", directory.string(), manifest_name));
    Manifest manifest;
    for (const json::value& item : files->get_array()) {
        const json::object* entry = item.if_object();
        auto path = entry ? find_string(*entry, "path") : std::nullopt;
        auto size = entry ? find_integer(*entry, "size") : std::nullopt;
        auto hash = entry ? find_string(*entry, "sha256") : std::nullopt;
        if (!path || !size || !hash)
            throw std::runtime_error(fmt::format("{}/{} is damaged", directory.string(), manifest_name));
        manifest[*path] = {static_cast<std::uint64_t>(*size), *hash};
    }
    return manifest;
}

class Backup final {
public:
    Backup(const Layout& layout, fs::path target) : layout_(layout), target_(std::move(target)) {}

    Manifest run()
    {
        // Content that is removed while it is copied is no longer in a newer look at the databases.
        for (int round = 1; !copy_everything(); ++round)
            if (round == rounds_max)
                throw std::runtime_error("files are removed faster than they can be copied: try again later");
        for (const char* name : {"service.key", "auth.key"})
            if (fs::exists(layout_.data / name))
                manifest_[name] = copy_file_durably(layout_.data / name, target_ / name, [](std::uint64_t) {});
        write_manifest();
        return manifest_;
    }

private:
    bool copy_everything()
    {
        copy_databases();
        std::vector<files::StoredContent> contents;
        if (!layout_.content.empty() && fs::exists(target_ / "files.db"))
            contents = look_up_contents();
        std::uint64_t total = 0;
        for (const auto& content : contents)
            total += content.size;
        ProgressBar bar("Copying", total, Unit::bytes);
        std::uint64_t done = 0;
        std::set<std::string> wanted;
        bool complete = true;
        for (const auto& content : contents) {
            std::string path = "files/" + content.path;
            wanted.insert(path);
            // The others are copied nevertheless: the next round has little left to do.
            if (!manifest_.contains(path))
                complete &= copy_content(path, content, [&](std::uint64_t bytes) { bar.show(done += bytes); });
        }
        // What an earlier round copied and was removed since then.
        for (auto entry = manifest_.begin(); entry != manifest_.end();) {
            bool stale = entry->first.starts_with("files/") && !wanted.contains(entry->first);
            if (stale)
                fs::remove(target_ / entry->first);
            entry = stale ? manifest_.erase(entry) : std::next(entry);
        }
        return complete;
    }

    void copy_databases()
    {
        std::vector<Database> there;
        std::vector<fs::path> paths;
        for (const Database& database : layout_.databases) {
            fs::remove(target_ / database.name);
            if (!fs::exists(database.path))
                continue;
            there.push_back(database);
            paths.push_back(database.path);
        }
        sql::SqliteSnapshot snapshot(paths);
        for (std::size_t i = 0; i < there.size(); ++i) {
            snapshot.copy(i, target_ / there[i].name);
            manifest_[there[i].name] = hash_file(target_ / there[i].name);
        }
    }

    std::vector<files::StoredContent> look_up_contents() const
    {
        auto connection = sql::open_sqlite_to_look(target_ / "files.db");
        sql::Transaction transaction(*connection);
        return files::list_content(*connection);
    }

    // False when it is not there any more.
    bool copy_content(const std::string& path, const files::StoredContent& content,
                      const std::function<void(std::uint64_t)>& progress)
    {
        fs::path from = layout_.content / content.path;
        try {
            auto copied = copy_file_durably(from, target_ / path, progress);
            if (copied.sha256 != content.sha256)
                throw std::runtime_error(
                    fmt::format("{} is damaged: its SHA-256 is not that of its record", from.string()));
            manifest_[path] = std::move(copied);
            return true;
        } catch (const std::system_error& error) {
            if (error.code() == std::errc::no_such_file_or_directory)
                return false;
            throw;
        }
    }

    void write_manifest()
    {
        for (const auto& entry : fs::recursive_directory_iterator(target_))
            if (entry.is_directory())
                sync_directory(entry.path());
        DataDirectory(target_).write_private(manifest_name, json::serialize(to_json(manifest_, layout_)) + "\n");
    }

    const Layout& layout_;
    fs::path target_;
    Manifest manifest_;
};

std::uint64_t bytes_of(const Manifest& manifest)
{
    std::uint64_t total = 0;
    for (const auto& [path, file] : manifest)
        total += file.size;
    return total;
}

int make_backup(const CommandLine& line, const Config& config)
{
    Layout layout(config);
    if (layout.databases.empty())
        throw std::runtime_error("all stores are on servers, which have backups of their own");
    if (!fs::exists(layout.data))
        throw std::runtime_error(fmt::format("there is no data directory {}", layout.data.string()));
    fs::path target = fs::absolute(line.file).lexically_normal();
    if (!target.has_filename())
        target = target.parent_path();
    if (fs::exists(target) && !(fs::is_directory(target) && fs::is_empty(target)))
        throw std::runtime_error(
            fmt::format("{} is there already: each backup has a directory of its own", target.string()));
    make_private_directories(target);
    Manifest manifest = Backup(layout, target).run();
    for (const std::string& store : layout.elsewhere)
        fmt::print(stderr, "gatehouse: {} is on a server and not in the backup: use its own\n", store);
    if (line.json)
        fmt::print("{}\n",
                   json::serialize(json::object{
                       {"directory", target.string()}, {"files", manifest.size()}, {"bytes", bytes_of(manifest)}}));
    else
        fmt::print("{}: {} files, {}\n", target.string(), manifest.size(), format_bytes(bytes_of(manifest)));
    return 0;
}

int bring_back(const CommandLine& line, const Config& config)
{
    fs::path source = fs::absolute(line.file);
    Manifest manifest = read_manifest(source);
    Layout layout(config);
    DataDirectory data(layout.data);
    bool begun = fs::exists(data.path() / unfinished_restore);
    if (!data.try_lock())
        throw std::runtime_error(fmt::format("a server works in {}: end it first", data.path().string()));
    if (!begun)
        for (const auto& [path, file] : manifest)
            if (fs::exists(layout.place_of(path)))
                throw std::runtime_error(
                    fmt::format("{} is there already: name an empty data directory with --data, or "
                                "move what is there away",
                                layout.place_of(path).string()));
    data.write_private(unfinished_restore, source.string() + "\n");
    ProgressBar bar("Restoring", bytes_of(manifest), Unit::bytes);
    std::uint64_t done = 0;
    std::set<fs::path> directories;
    for (const auto& [path, expected] : manifest) {
        fs::path target = layout.place_of(path);
        auto copied = copy_file_durably(source / path, target, [&](std::uint64_t bytes) { bar.show(done += bytes); });
        if (copied.sha256 != expected.sha256 || copied.size != expected.size)
            throw std::runtime_error(
                fmt::format("{} is damaged: its SHA-256 is not that of the manifest", (source / path).string()));
        directories.insert(target.parent_path());
    }
    for (const auto& directory : directories)
        sync_directory(directory);
    data.remove(unfinished_restore);
    sync_directory(data.path());
    if (line.json)
        fmt::print("{}\n",
                   json::serialize(json::object{
                       {"data", data.path().string()}, {"files", manifest.size()}, {"bytes", bytes_of(manifest)}}));
    else
        fmt::print("{}: {} files, {}\n"
                   "Sessions that ended after the backup are good again: end them all before others get in\n"
                   "(docs/operations.md, After a restore).\n",
                   data.path().string(), manifest.size(), format_bytes(bytes_of(manifest)));
    return 0;
}

int run(const CommandLine& line, int (*command)(const CommandLine&, const Config&))
{
    auto loaded = load_or_explain(line);
    if (!loaded)
        return 2;
    log::configure(log::Format::text, std::max(loaded->config.log.level, log::Level::warn));
    try {
        return command(line, loaded->config);
    } catch (const std::exception& error) {
        fmt::print(stderr, "gatehouse: {}\n", error.what());
    }
    return 1;
}

}  // namespace

int backup(const CommandLine& line) { return run(line, make_backup); }
int restore(const CommandLine& line) { return run(line, bring_back); }

}  // namespace gatehouse::app
