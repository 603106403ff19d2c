// SPDX-License-Identifier: Apache-2.0
// What an operator wants to know at a glance, as JSON:
//
//   GET /admin/status   version, uptime, readiness with reasons, services, queues, dead letters, room on the disk
//
// The gateway answers for the whole installation as far as it can see: its own process, and what auth and files say of
// theirs, which it asks with the caller's own token. They answer for their process alone, so nobody asks in a circle.
// Worker and notifier listen to nobody: their queues tell of them.
//
// Built on the main thread; answers on I/O threads. An answer is kept for a second, and one request at a time makes a
// new one, so that many who look cost no more than one.
#pragma once

#include "app/ops.hpp"
#include "app/roles.hpp"
#include "base/clock.hpp"
#include "base/io_threads.hpp"
#include "base/json.hpp"
#include "events/event_queue.hpp"
#include "http/router.hpp"
#include "http/server_metrics.hpp"
#include "http/upstream.hpp"
#include "identity/authenticator.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app {

class Status final {
public:
    struct Needs {
        RoleSet roles;  // of this process
        const Ops& ops;
        const Clock& clock;
        PerThread<identity::Authenticator>& authenticators;
        const http::ServerMetrics& requests;
        events::EventQueue* queue = nullptr;   // nullptr: this process has none
        std::filesystem::path disk;            // where embedded stores are; empty: there are none in this process
        std::vector<http::Route> beside = {};  // what else upstream() answers
        bool mails = false;                    // GET /admin/mails among it has some to show
    };
    // What it takes outlives it.
    explicit Status(Needs needs);

    // Roles in other processes that listen. Before start only.
    void ask(Role role, http::Upstream& upstream) { others_.push_back({role, upstream}); }
    // The states of the services behind the gateway. Before start only; called on any I/O thread.
    void tell_services(std::function<json::array()> services) { services_ = std::move(services); }

    // Of the whole installation, for the gateway.
    http::Upstream& upstream() { return upstream_; }

    // Of this process, in front of the handler of a role that listens by itself.
    http::Handler beside(http::Handler role);

private:
    struct Other {
        Role role;
        http::Upstream& upstream;
    };
    struct Kept {
        std::mutex mutex;
        std::optional<json::object> value;
        std::chrono::steady_clock::time_point at;
        bool in_progress = false;
    };

    Task<http::Response> answer_whole(http::Request& request);
    Task<http::Response> answer_own(http::Request& request);
    Task<http::Response> answer_beside(http::Request& request, const http::Handler& role);
    Task<json::object> make_whole(std::string authorization);
    Task<json::object> make_own();
    Task<json::object> ask_other(Other& other, std::string authorization);
    Task<json::array> list_queues();
    json::value disk_space() const;
    std::vector<http::Route> routes();

    static std::optional<json::object> find_kept(Kept& kept);
    static void keep(Kept& kept, const std::optional<json::object>& value);

    Needs needs_;
    TimePoint started_at_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::vector<Other> others_;
    std::function<json::array()> services_;
    Kept whole_;
    Kept own_;
    http::Router router_;
    http::Upstream upstream_;
};

}  // namespace gatehouse::app
