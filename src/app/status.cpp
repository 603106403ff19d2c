// SPDX-License-Identifier: Apache-2.0
#include "app/status.hpp"

#include "base/log.hpp"
#include "base/timeout.hpp"
#include "http/ask.hpp"
#include "http/json_body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace gatehouse::app {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view path = "/admin/status";
constexpr std::string_view permission = "admin:status";
constexpr auto kept_for = 1s;
constexpr auto stale_max = 15s;  // served while a new one is being made
constexpr auto wait_max = 2s;    // for another process, and for the queue
constexpr std::size_t answer_bytes_max = 256 * 1024;

http::Response answer_json(const json::value& value)
{
    auto response = http::json_response(value);
    response.headers.set("cache-control", "no-store");
    return response;
}

json::array names_of(const RoleSet& roles)
{
    json::array names;
    for (const RoleInfo& info : all_roles())
        if (roles.has(info.role))
            names.emplace_back(info.name);
    return names;
}

// The first of the processes that says something of it, else null.
json::value first_of(const json::array& processes, std::string_view member)
{
    for (const json::value& process : processes) {
        const json::value* value = process.get_object().if_contains(member);
        if (value && !value->is_null())
            return *value;
    }
    return nullptr;
}

bool is_ready(const json::value& process) { return find_bool(process.get_object(), "ready").value_or(false); }

bool has_role(const json::object& process, std::string_view role)
{
    const json::value* roles = process.if_contains("roles");
    return roles && roles->is_array() && std::ranges::any_of(roles->get_array(), [&](const json::value& name) {
               return name.is_string() && name.get_string() == role;
           });
}

// Each role once: "ready", "not_ready", "unreachable", or "unknown" for one that nobody can be asked about.
json::array roles_of(const json::array& processes)
{
    json::array roles;
    for (const RoleInfo& info : all_roles()) {
        std::string_view state = "unknown";
        for (const json::value& process : processes) {
            const json::object& object = process.get_object();
            if (!has_role(object, info.name))
                continue;
            bool reached = find_bool(object, "reachable").value_or(false);
            state = !reached ? "unreachable" : is_ready(process) ? "ready" : "not_ready";
            break;
        }
        roles.push_back({{"name", info.name}, {"state", state}});
    }
    return roles;
}

// Since the start: who asks twice has the traffic in between. The last bucket has no bound.
json::object requests_json(const http::ServerMetrics::Summary& summary)
{
    const auto& bounds = http::RequestFigures::duration_bounds;
    json::object object;
    object["answered"] = summary.answered;
    object["client_errors"] = summary.client_errors;
    object["server_errors"] = summary.server_errors;
    object["active"] = summary.active;
    object["seconds_bounds"] = json::array(bounds.begin(), bounds.end());
    object["seconds_counts"] = json::array(summary.seconds.buckets.begin(), summary.seconds.buckets.end());
    return object;
}

}  // namespace

Status::Status(Needs needs)
    : needs_(std::move(needs)), started_at_(needs_.clock.now()), router_(routes()),
      upstream_("status", http::make_handler(router_))
{
}

std::vector<http::Route> Status::routes()
{
    std::vector<http::Route> all{
        {"GET", "/admin/status", [this](http::Request& request) { return answer_whole(request); }},
    };
    std::ranges::copy(needs_.beside, std::back_inserter(all));
    return all;
}

http::Handler Status::beside(http::Handler role)
{
    return [this, role = std::move(role)](http::Request& request) { return answer_beside(request, role); };
}

Task<http::Response> Status::answer_beside(http::Request& request, const http::Handler& role)
{
    if (request.path() != path || (request.head.method != "GET" && request.head.method != "HEAD"))
        co_return co_await role(request);
    co_return co_await answer_own(request);
}

// GET /admin/status of the gateway: everything that can be seen from here.
Task<http::Response> Status::answer_whole(http::Request& request)
{
    needs_.authenticators.local().require(request, permission);
    auto kept = find_kept(whole_);
    if (!kept) {
        std::string authorization(request.head.headers.find("authorization").value_or(""));
        std::exception_ptr error;
        try {
            kept = co_await make_whole(std::move(authorization));
        } catch (...) {
            error = std::current_exception();
        }
        keep(whole_, kept);
        if (error)
            std::rethrow_exception(error);
    }
    co_return answer_json(std::move(*kept));
}

// GET /admin/status of another role: its process.
Task<http::Response> Status::answer_own(http::Request& request)
{
    needs_.authenticators.local().require(request, permission);
    auto kept = find_kept(own_);
    if (!kept) {
        std::exception_ptr error;
        try {
            kept = co_await make_own();
        } catch (...) {
            error = std::current_exception();
        }
        keep(own_, kept);
        if (error)
            std::rethrow_exception(error);
    }
    co_return answer_json(std::move(*kept));
}

// nullopt: the caller makes a new one and calls keep().
std::optional<json::object> Status::find_kept(Kept& kept)
{
    std::scoped_lock lock(kept.mutex);
    auto age = std::chrono::steady_clock::now() - kept.at;
    if (kept.value && (age < kept_for || (kept.in_progress && age < stale_max)))
        return kept.value;
    kept.in_progress = true;
    return std::nullopt;
}

void Status::keep(Kept& kept, const std::optional<json::object>& value)
{
    std::scoped_lock lock(kept.mutex);
    kept.in_progress = false;
    if (!value)
        return;
    kept.value = value;
    kept.at = std::chrono::steady_clock::now();
}

Task<json::object> Status::make_whole(std::string authorization)
{
    json::array processes;
    processes.push_back(co_await make_own());
    for (Other& other : others_)
        processes.push_back(co_await ask_other(other, authorization));
    json::object whole;
    whole["time"] = format_rfc3339(needs_.clock.now());
    whole["version"] = GATEHOUSE_VERSION;
    whole["ready"] = std::ranges::all_of(processes, is_ready);
    whole["roles"] = roles_of(processes);
    whole["services"] = services_ ? json::value(services_()) : json::value(json::array());
    whole["queues"] = first_of(processes, "queues");
    whole["disk"] = first_of(processes, "disk");
    whole["mails"] = needs_.mails;
    for (json::value& process : processes) {
        process.get_object().erase("queues");
        process.get_object().erase("disk");
    }
    whole["processes"] = std::move(processes);
    co_return whole;
}

Task<json::object> Status::make_own()
{
    Readiness readiness = needs_.ops.readiness();
    auto uptime = std::chrono::steady_clock::now() - began_;
    json::array checks;
    for (const Readiness::Check& check : readiness.checks) {
        if (!check.of_phase())
            checks.push_back({{"name", check.name}, {"passes", check.passes}, {"required", check.required}});
    }
    json::object own;
    own["roles"] = names_of(needs_.roles);
    own["reachable"] = true;
    own["ready"] = readiness.ready;
    own["version"] = GATEHOUSE_VERSION;
    own["started_at"] = format_rfc3339(started_at_);
    own["uptime_seconds"] = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
    own["checks"] = std::move(checks);
    own["requests"] = requests_json(needs_.requests.summary());
    own["queues"] = nullptr;
    if (needs_.queue)
        own["queues"] = co_await list_queues();
    own["disk"] = disk_space();
    co_return own;
}

// A queue that cannot be asked now has no figures.
Task<json::array> Status::list_queues()
{
    json::array queues;
    bool there = needs_.queue->ready();
    for (const events::Binding& binding : events::bindings()) {
        json::object figures{{"name", binding.queue}, {"depth", nullptr}, {"dead", nullptr}};
        std::string failure;
        try {
            if (there) {
                figures["depth"] = co_await with_timeout(needs_.queue->depth(binding.queue), wait_max, "the queue");
                figures["dead"] = co_await with_timeout(needs_.queue->dead_count(binding.queue), wait_max, "the queue");
            }
        } catch (const Unavailable& error) {
            failure = error.what();
        }
        if (!failure.empty()) {
            there = false;
            log::debug("app", "the queue's depth is not known", {{"queue", binding.queue}, {"error", failure}});
        }
        queues.push_back(std::move(figures));
    }
    co_return queues;
}

// Of the process that a role runs in; when it does not say, why.
Task<json::object> Status::ask_other(Other& other, std::string authorization)
{
    http::Headers headers;
    headers.add("authorization", std::move(authorization));
    std::string failure;
    try {
        auto question = http::ask(other.upstream, std::string(path), std::move(headers), answer_bytes_max);
        auto answer = co_await with_timeout(std::move(question), wait_max, std::string(to_string(other.role)));
        auto value = parse_json(answer.body);
        if (answer.status == 200 && value && value->is_object() && has_role(value->get_object(), to_string(other.role)))
            co_return std::move(value->get_object());
        failure = fmt::format("it answered {}", answer.status);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    json::object away;
    away["roles"] = json::array{to_string(other.role)};
    away["reachable"] = false;
    away["ready"] = false;
    away["reason"] = failure;
    co_return away;
}

json::value Status::disk_space() const
{
    if (needs_.disk.empty())
        return nullptr;
    std::error_code error;
    auto space = std::filesystem::space(needs_.disk, error);
    if (error)
        return nullptr;
    return {{"capacity_bytes", space.capacity}, {"available_bytes", space.available}};
}

}  // namespace gatehouse::app
