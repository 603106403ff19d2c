// SPDX-License-Identifier: Apache-2.0
#include "app/session_file.hpp"

#include "app/data_directory.hpp"
#include "base/json.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace gatehouse::app::session_file {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view file_name = "session.json";
constexpr std::chrono::seconds lock_max{10};
constexpr std::chrono::milliseconds lock_pause{20};
constexpr std::size_t bytes_max = 64UL * 1024;

fs::path directory()
{
    const char* xdg = std::getenv("XDG_CONFIG_HOME");
    if (xdg && *xdg == '/')
        return fs::path(xdg) / "gatehouse";
    const char* home = std::getenv("HOME");
    if (home && *home == '/')
        return fs::path(home) / ".config" / "gatehouse";
    throw std::runtime_error("neither XDG_CONFIG_HOME nor HOME says where the session is kept");
}

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

// What is there; an empty object when there is nothing.
json::object load()
{
    fs::path path = directory() / file_name;
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file && errno == ENOENT)
        return {};
    if (!file)
        fail("cannot open " + path.string());
    struct stat info{};
    if (::fstat(file.get(), &info) == 0 && (info.st_mode & 077U) != 0)
        throw std::runtime_error(fmt::format("{0} can be read by others: chmod 600 {0}", path.string()));
    std::string text(bytes_max, '\0');
    ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size < 0)
        fail("cannot read " + path.string());
    text.resize(static_cast<std::size_t>(size));
    auto parsed = parse_json(text);
    wipe(text);
    if (!parsed || !parsed->is_object())
        throw std::runtime_error(fmt::format("{} is damaged: remove it, and log in again", path.string()));
    return parsed->as_object();
}

void store(const json::object& sessions)
{
    std::string text = json::serialize(sessions);
    DataDirectory(directory()).write_private(file_name, text);
    wipe(text);
}

json::object sessions_of(const json::object& all)
{
    const json::value* found = all.if_contains("sessions");
    return found && found->is_object() ? found->get_object() : json::object();
}

}  // namespace

Lock::Lock()
{
    fs::path path = DataDirectory(directory()).path() / "session.lock";
    file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file_)
        fail("cannot open " + path.string());
    auto deadline = std::chrono::steady_clock::now() + lock_max;
    while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            fail("cannot lock " + path.string());
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error(fmt::format("another command holds {} for long", path.string()));
        std::this_thread::sleep_for(lock_pause);
    }
}

std::optional<std::string> find_current() { return find_string(load(), "current"); }

std::optional<Session> find(const std::string& server)
{
    json::object sessions = sessions_of(load());
    const json::value* found = sessions.if_contains(server);
    if (!found || !found->is_object())
        return std::nullopt;
    const json::object& kept = found->get_object();
    Session session;
    session.access_token = Secret(find_string(kept, "access_token").value_or(""));
    session.refresh_token = Secret(find_string(kept, "refresh_token").value_or(""));
    session.expires =
        std::chrono::system_clock::time_point(std::chrono::seconds{find_integer(kept, "expires_at").value_or(0)});
    session.ca = find_string(kept, "ca").value_or("");
    return session;
}

void keep(const std::string& server, const Session& session)
{
    json::object all = load();
    json::object sessions = sessions_of(all);
    auto expires = std::chrono::duration_cast<std::chrono::seconds>(session.expires.time_since_epoch()).count();
    json::object one;
    one["access_token"] = session.access_token.reveal();
    one["refresh_token"] = session.refresh_token.reveal();
    one["expires_at"] = expires;
    if (!session.ca.empty())
        one["ca"] = fs::absolute(session.ca).string();
    sessions[server] = std::move(one);
    all["current"] = server;
    all["sessions"] = std::move(sessions);
    store(all);
}

void forget(const std::string& server)
{
    json::object all = load();
    json::object sessions = sessions_of(all);
    sessions.erase(server);
    if (find_string(all, "current") == server)
        all.erase("current");
    all["sessions"] = std::move(sessions);
    store(all);
}

}  // namespace gatehouse::app::session_file
