// SPDX-License-Identifier: Apache-2.0
#include "files/local_core.hpp"

#include "files/examination.hpp"
#include "files/file_records.hpp"
#include "files/upload_records.hpp"

#include <boost/asio/post.hpp>

#include <unordered_set>
#include <utility>

namespace gatehouse::files::local {

namespace {

constexpr std::size_t batch_max = 100;

}  // namespace

Core::Core(const std::filesystem::path& directory, std::unique_ptr<sql::Database> opened, const UploadOptions& o)
    : options(o), content(directory), database(std::move(opened))
{
    database->migrate(schema_component, records::migrations());
    recover();
    sweep_later();
    asio::post(janitor_, [this] { tend(); });
}

void Core::stop()
{
    stopped.store(true);
    writing.stop();
    reading.stop();
    asio::post(janitor_, [this] { next_look_.cancel(); });
    janitor_.join();
    database->stop();
}

template <class F>
void Core::guarded(const char* what, F work)
{
    try {
        work();
    } catch (const std::exception& e) {
        log::warn("files", "housekeeping failed; the next start tries again", {{"what", what}, {"error", e.what()}});
    }
}

void Core::discard(std::string name, std::shared_ptr<void> file)
{
    asio::post(janitor_, [this, name = std::move(name), file = std::move(file)]() mutable {
        guarded("remove a temporary file", [&] { content.remove_temporary(name); });
        file.reset();
    });
}

void Core::settle_later(std::string name)
{
    asio::post(janitor_, [this, name = std::move(name)] { guarded("settle content", [&] { settle(name); }); });
}

void Core::sweep_later()
{
    asio::post(janitor_, [this] { sweep(); });
}

// Decides about a name in tmp/: an upload goes on with it (false), or its record exists, or its content goes.
bool Core::settle(const std::string& name)
{
    auto id = ContentDirectory::find_id(name);
    GH_ASSERT(id);
    struct Named {
        bool by_upload = false;
        bool by_record = false;
    };
    auto look = [&](sql::Connection& connection) {
        auto upload = upload_records::find(connection, *id);
        return Named{upload && upload->content == name, records::names_content(connection, *id, name)};
    };
    Named named = database->read_blocking(look);
    if (named.by_upload)
        return false;
    if (!named.by_record)
        content.remove_content(name);
    content.remove_temporary(name);
    return true;
}

void Core::recover()
{
    std::int64_t settled = 0;
    for (const auto& name : content.temporary_names()) {
        if (!ContentDirectory::find_id(name)) {
            log::warn("files", "a foreign file in tmp is left alone", {{"name", name}});
            continue;
        }
        if (settle(name))
            ++settled;
    }
    if (settled > 0)
        log::info("files", "recovered from an interrupted run", {{"unfinished", settled}});
    remove_uploads_without_content();
}

// A backup that was restored has the records of unfinished uploads, but nothing of their content: their clients begin
// anew.
void Core::remove_uploads_without_content()
{
    auto temporary = content.temporary_names();
    std::unordered_set<std::string> there(temporary.begin(), temporary.end());
    auto remove = [&](sql::Connection& connection) {
        std::int64_t removed = 0;
        for (const auto& name : upload_records::contents(connection)) {
            if (there.contains(name))
                continue;
            upload_records::remove(connection, ContentDirectory::find_id(name).value());
            ++removed;
        }
        return removed;
    };
    std::int64_t removed = database->write_blocking(remove);
    if (removed > 0)
        log::warn("files", "unfinished uploads whose content is not there are over", {{"count", removed}});
}

void Core::sweep()
{
    guarded("remove deleted content", [this] {
        auto look = [](sql::Connection& connection) { return records::read_garbage(connection, batch_max); };
        for (auto names = database->read_blocking(look); !names.empty(); names = database->read_blocking(look)) {
            for (const auto& name : names)
                content.remove_content(name);
            database->write_blocking([&](sql::Connection& connection) { records::clear_garbage(connection, names); });
        }
    });
}

// The names stay in tmp/ until they are settled, so a crash in between leaves nothing that recovery does not find.
void Core::remove_expired(TimePoint now)
{
    auto look = [&](sql::Connection& connection) { return upload_records::find_expired(connection, now, batch_max); };
    for (auto names = database->read_blocking(look); !names.empty(); names = database->read_blocking(look)) {
        auto remove = [&](sql::Connection& connection) {
            return upload_records::remove_expired(connection, now, batch_max);
        };
        for (const auto& name : database->write_blocking(remove))
            settle(name);
    }
}

void Core::sweep_trash(TimePoint now)
{
    auto look = [&](sql::Connection& connection) { return records::find_expired_trash(connection, now, 1); };
    while (!database->read_blocking(look).empty()) {
        auto remove = [&](sql::Connection& connection) { return records::empty_trash(connection, now, batch_max); };
        std::size_t removed = database->write_blocking(remove);
        log::info("files", "removed files whose time in the trash is over",
                  {{"files", static_cast<std::int64_t>(removed)}});
        sweep_later();
    }
}

void Core::tend()
{
    guarded("remove expired uploads", [this] { remove_expired(Clock().now()); });
    guarded("empty the trash", [this] { sweep_trash(Clock().now()); });
    if (stopped.load())
        return;
    next_look_.expires_after(options.sweep_interval);
    next_look_.async_wait([this](const boost::system::error_code& error) {
        if (!error && !stopped.load())
            tend();
    });
}

}  // namespace gatehouse::files::local
