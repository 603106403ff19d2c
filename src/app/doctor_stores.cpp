// SPDX-License-Identifier: Apache-2.0
// `gatehouse doctor`: the stores. Are they there, do they let us in, is their schema ours, do their clocks agree.
#include "app/doctor_checks.hpp"
#include "app/store_url.hpp"
#include "auth/examination.hpp"
#include "base/encoding.hpp"
#include "base/error.hpp"
#include "events/examination.hpp"
#include "files/examination.hpp"
#include "sql/closed_database.hpp"
#include "sql/examination.hpp"
#include "sql/mysql_url.hpp"
#include "sql/unfinished_transfer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t quickly_read_max = 256ULL << 20U;

// One of the three, as its setting calls it.
struct Store {
    std::string_view key;
    const std::string& url;
    std::string_view component;
    int newest = 0;
};

// What more to look at when the schema is ours, in the same transaction.
using Look = std::function<Findings(sql::Connection&)>;

Finding judge_clock(std::string_view server, std::chrono::milliseconds ahead)
{
    using std::chrono::seconds;
    double amount = std::abs(std::chrono::duration<double>(ahead).count());
    std::string what =
        fmt::format("the clock of {} is {:.1f} s {} ours", server, amount, ahead.count() < 0 ? "behind" : "ahead of");
    constexpr std::string_view remedy =
        "let both machines follow the same time server: timedatectl set-ntp true, chronyc tracking";
    if (std::chrono::abs(ahead) > seconds{30})
        return Finding::fail(what, std::string(remedy));
    if (std::chrono::abs(ahead) > seconds{2})
        return Finding::warn(what, std::string(remedy));
    return Finding::ok(fmt::format("the clock of {} agrees with ours", server));
}

std::chrono::milliseconds ahead_of_us(TimePoint theirs, TimePoint before, TimePoint after)
{
    return theirs - (before + (after - before) / 2);
}

TimePoint now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

Finding judge_version(const Store& store, const sql::Examination& found)
{
    auto version = found.versions.find(store.component);
    int is = version == found.versions.end() ? 0 : version->second;
    if (is == 0)
        return Finding::ok("empty: the first start makes what is needed");
    if (is > store.newest)
        return Finding::fail(
            fmt::format("its schema is version {}, and this program knows {} at most", is, store.newest),
            "install the version of Gatehouse that made it, or a newer one");
    if (is < store.newest)
        return Finding::warn(fmt::format("its schema is version {}, and this program's is {}", is, store.newest),
                             "make a backup, then start this version: gatehouse serve brings it up to date");
    return Finding::ok(fmt::format("schema version {}", is));
}

// Reads only; what was begun is rolled back.
Findings look_into(const Store& store, sql::Connection& connection, bool look_for_damage, const Look& look)
{
    TimePoint before = now();
    sql::Transaction transaction(connection);
    auto found = sql::examine(connection, look_for_damage);
    TimePoint after = now();
    Findings findings;
    if (auto origin = sql::find_unfinished(connection))
        findings.push_back(Finding::fail(
            fmt::format("{}: a migration from {} into it is not finished", redact_url(store.url), *origin),
            "run it to its end: gatehouse migrate --finish (docs/operations.md)"));
    if (found.damage)
        findings.push_back(Finding::fail(fmt::format("{} is damaged: {}", redact_url(store.url), *found.damage),
                                         "stop the server and bring back the newest backup (docs/operations.md)"));
    Finding version = judge_version(store, found);
    version.what = fmt::format("{}: {}", redact_url(store.url), version.what);
    auto known = found.versions.find(store.component);
    bool ours = known != found.versions.end() && known->second == store.newest;
    findings.push_back(std::move(version));
    if (found.time)
        findings.push_back(judge_clock("the database", ahead_of_us(*found.time, before, after)));
    if (ours)
        std::ranges::move(look(connection), std::back_inserter(findings));
    return findings;
}

Findings examine_embedded(const Store& store, const fs::path& path, const Look& look)
{
    std::error_code error;
    auto size = fs::file_size(path, error);
    if (error == std::errc::no_such_file_or_directory)
        return {Finding::ok(fmt::format("{}: not there yet, the first start makes it", store.url))};
    if (error)
        return {
            Finding::fail(fmt::format("{}: {}", path.string(), error.message()),
                          fmt::format("let {} read and write it, or correct {}", user_name(::geteuid()), store.key))};
    try {
        auto connection = sql::open_sqlite_to_look(path);
        Findings findings = look_into(store, *connection, size < quickly_read_max, look);
        if (sql::is_closed_for_changes(path))
            findings.push_back(Finding::fail(
                fmt::format("{} takes no changes: it was moved to a server, or is being moved", path.string()),
                "use the configuration with the servers, or go back: gatehouse migrate --back --from DIR"));
        return findings;
    } catch (const Unavailable& failure) {
        return {Finding::fail(
            fmt::format("{} cannot be used: {}", path.string(), failure.what()),
            fmt::format("let {} read and write it (ls -l {}*); if it is damaged, bring back the newest backup",
                        user_name(::geteuid()), path.string()))};
    }
}

std::string mysql_remedy(const Store& store, std::string_view error)
{
    auto options = sql::parse_mysql_url(store.url);
    if (error.contains("(1045)") || error.contains("(1698)"))
        return fmt::format("correct the user and the password in {0}, or give the user `{1}` this password on the "
                           "server: ALTER USER '{1}'@'%' IDENTIFIED BY '...'",
                           store.key, options.user);
    if (error.contains("(1049)"))
        return fmt::format("make the database on the server: CREATE DATABASE `{}` CHARACTER SET utf8mb4, or correct {}",
                           options.database, store.key);
    if (error.contains("(1044)") || error.contains("(1142)"))
        return fmt::format("let the user in on the server: GRANT ALL ON `{}`.* TO '{}'@'%'", options.database,
                           options.user);
    return fmt::format("see that the server runs at {}:{} and can be reached from here, or correct {}", options.host,
                       options.port, store.key);
}

Findings examine_mysql(const Store& store, const Look& look)
{
    try {
        auto connection = sql::open_mysql_to_look(store.url);
        return look_into(store, *connection, false, look);
    } catch (const Unavailable& error) {
        return {Finding::fail(error.what(), mysql_remedy(store, error.what()))};
    }
}

std::optional<Secret> find_encryption_key(const Surroundings& around)
{
    if (!around.config.auth.encryption_key.empty())
        return around.config.auth.encryption_key;
    std::ifstream file(around.data / "auth.key");
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text.size() < auth::SecretBox::characters_min)
        return std::nullopt;
    return Secret(std::move(text));
}

Findings look_at_keys(sql::Connection& connection, const Surroundings& around)
{
    auto key = find_encryption_key(around);
    if (!key)
        return {};
    auto error = auth::find_key_error(connection, auth::SecretBox(*key));
    if (!error)
        return {Finding::ok("the encryption key opens what the store keeps")};
    bool set = !around.config.auth.encryption_key.empty();
    return {Finding::fail(fmt::format("the encryption key is not that of the store: {}", *error),
                          set ? "set auth.encryption_key to what it was when the store was made"
                              : fmt::format("bring back {}, from the backup that the store is from",
                                            (around.data / "auth.key").string()))};
}

}  // namespace

Findings check_auth_store(const Surroundings& around)
{
    if (!around.roles.has(Role::auth))
        return {};
    const std::string& url = around.config.auth.store;
    Store store{"auth.store", url, auth::schema_component, auth::newest_schema_version()};
    auto look = [&](sql::Connection& connection) { return look_at_keys(connection, around); };
    return is_embedded(url) ? examine_embedded(store, store_path(url, around.data), look) : examine_mysql(store, look);
}

Findings check_files_store(const Surroundings& around)
{
    if (!around.roles.has(Role::files) && !around.roles.has(Role::worker))
        return {};
    const std::string& url = around.config.files.store;
    if (is_embedded(url)) {
        Store store{"files.store", url, files::schema_component, files::newest_schema_version()};
        auto none = [](sql::Connection&) { return Findings(); };
        return examine_embedded(store, store_path(url, around.data).concat(".db"), none);
    }
    TimePoint before = now();
    auto found = files::examine_mongodb(url);
    if (found.time)
        found.findings.push_back(judge_clock("MongoDB", ahead_of_us(*found.time, before, now())));
    return std::move(found.findings);
}

Findings check_events_store(const Surroundings& around)
{
    bool uses = around.roles.has(Role::auth) || around.roles.has(Role::files) || around.roles.has(Role::worker) ||
                around.roles.has(Role::notifier);
    if (!uses)
        return {};
    const std::string& url = around.config.events.store;
    if (!is_embedded(url))
        return events::examine_rabbitmq(url);
    Store store{"events.store", url, events::schema_component, events::newest_schema_version()};
    return examine_embedded(store, store_path(url, around.data), events::examine_sqlite_queue);
}

}  // namespace gatehouse::app
