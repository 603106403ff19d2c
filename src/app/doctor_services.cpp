// SPDX-License-Identifier: Apache-2.0
// `gatehouse doctor`: other processes and programs. Roles elsewhere, services behind routes, ffmpeg, the mail server.
#include "app/doctor_checks.hpp"
#include "http/curl.hpp"
#include "http/url.hpp"
#include "notifier/examination.hpp"
#include "worker/examination.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;

constexpr long connect_max_ms = 1'500;
constexpr std::chrono::seconds asking_max{20};

// Why no connection to the service can be made; empty when it can.
std::string find_connect_error(const http::Endpoint& endpoint)
{
    http::start_curl();
    http::CurlHandle handle(curl_easy_init());
    if (!handle)
        return "no memory";
    std::string url = "http://" + endpoint.authority() + "/";
    curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(handle.get(), CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_CONNECTTIMEOUT_MS, connect_max_ms);
    std::string reason(CURL_ERROR_SIZE, '\0');
    curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason.data());
    CURLcode code = curl_easy_perform(handle.get());
    if (code == CURLE_OK)
        return "";
    reason.resize(reason.find('\0'));
    return reason.empty() ? curl_easy_strerror(code) : reason;
}

struct Peer {
    std::string key;
    std::string url;
};

// Asks one after another, and says how many are missing when that takes too long.
Findings ask_peers(const std::vector<Peer>& peers, Finding (*missing)(std::string what, const Peer&))
{
    auto deadline = std::chrono::steady_clock::now() + asking_max;
    Findings findings;
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const Peer& peer = peers[i];
        auto endpoint = http::parse_endpoint(peer.url);
        if (!endpoint || endpoint->scheme == "unix")
            continue;
        if (std::chrono::steady_clock::now() > deadline) {
            findings.push_back(Finding::warn(fmt::format("{} more were not asked", peers.size() - i),
                                             "mend those that do not answer, then ask again"));
            break;
        }
        std::string error = find_connect_error(*endpoint);
        findings.push_back(error.empty() ? Finding::ok(fmt::format("{}: {} answers", peer.key, peer.url))
                                         : missing(fmt::format("{}: {}: {}", peer.key, peer.url, error), peer));
    }
    return findings;
}

// An empty directory for a program that is tried, gone at the end.
class Scratch final {
public:
    Scratch() : path_((fs::temp_directory_path() / "gatehouse-doctor-XXXXXX").string())
    {
        if (!::mkdtemp(path_.data()))
            throw std::system_error(errno, std::generic_category(), "cannot make " + path_);
    }
    ~Scratch()
    {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    fs::path path() const { return path_; }

private:
    std::string path_;
};

}  // namespace

Findings check_roles_elsewhere(const Surroundings& around)
{
    std::vector<Peer> peers;
    auto add = [&](Role role, const std::vector<std::string>& urls, bool needed) {
        if (!around.roles.has(role) && needed)
            for (const std::string& url : urls)
                peers.push_back({fmt::format("{}.urls", to_string(role)), url});
    };
    add(Role::auth, around.config.auth.urls,
        around.roles.has(Role::gateway) || around.roles.has(Role::files) || around.roles.has(Role::notifier));
    add(Role::files, around.config.files.urls, around.roles.has(Role::gateway));
    auto missing = [](std::string what, const Peer& peer) {
        std::string role = peer.key.substr(0, peer.key.find('.'));
        return Finding::fail(std::move(what), fmt::format("start that process (gatehouse serve --role {}), let it "
                                                          "listen where others reach it, or correct {}",
                                                          role, peer.key));
    };
    return ask_peers(peers, missing);
}

Findings check_upstreams(const Surroundings& around)
{
    if (!around.roles.has(Role::gateway))
        return {};
    std::vector<Peer> peers;
    std::set<std::string> known;
    auto add = [&](std::string key, const std::string& url) {
        if (known.insert(url).second)
            peers.push_back({std::move(key), url});
    };
    for (const auto& upstream : around.config.gateway.upstreams)
        for (const auto& endpoint : upstream.endpoints)
            add(upstream.name, endpoint.url);
    for (const auto& route : around.config.gateway.routes)
        for (const std::string& url : route.upstreams)
            add(route.path, url);
    auto missing = [](std::string what, const Peer& peer) {
        return Finding::warn(std::move(what), fmt::format("start the service, or correct its URL in gateway.{}",
                                                          peer.key.starts_with('/') ? "routes" : "upstreams"));
    };
    return ask_peers(peers, missing);
}

Findings check_programs(const Surroundings& around)
{
    if (!around.roles.has(Role::worker))
        return {};
    Scratch scratch;
    return worker::examine_programs(around.config.worker, scratch.path());
}

Findings check_mail(const Surroundings& around)
{
    if (!around.roles.has(Role::notifier))
        return {};
    const notifier::Smtp& smtp = around.config.notifier.smtp;
    if (smtp.url.empty())
        return {Finding::ok(
            fmt::format("no mail server is set: mails are written to {}", (around.data / "mail").string()))};
    return {notifier::examine_smtp(smtp)};
}

}  // namespace gatehouse::app
