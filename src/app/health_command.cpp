// SPDX-License-Identifier: Apache-2.0
#include "app/health_command.hpp"

#include "app/client_http.hpp"
#include "app/listen_address.hpp"
#include "app/readiness.hpp"
#include "app/values.hpp"
#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace gatehouse::app {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds timeout_max = std::chrono::minutes(1);

struct Verdict {
    bool healthy = false;
    std::string text;  // one line
    json::array checks;
    bool reached = true;
};

// Of this machine's own server: no proxy that the environment names is between.
HttpReply ask(const std::string& method, std::string url, const CommandLine& line, Clock::time_point deadline)
{
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    // An empty body is of no type.
    HttpCall call{.method = method, .url = std::move(url), .headers = {"Content-Type:"}, .ca = line.client.ca};
    call.time_max = std::max(left, std::chrono::milliseconds(1));
    call.direct = line.health.gateway.empty();
    return http_call(call);
}

Verdict unexpected(std::string_view what, const HttpReply& reply)
{
    return {.text = fmt::format("this is no answer of Gatehouse's to {}: status {}", what, reply.status)};
}

Verdict judge_readiness(const HttpReply& reply)
{
    auto readiness = parse_readiness(reply.body);
    if (!readiness || reply.status != (readiness->ready ? 200 : 503))
        return unexpected("/readyz", reply);
    Verdict verdict{.healthy = readiness->ready, .text = summarize(*readiness)};
    for (const auto& [name, passes, required] : readiness->checks)
        verdict.checks.push_back(json::object{{"name", name}, {"passes", passes}, {"required", required}});
    return verdict;
}

// /livez and /startupz say one word.
Verdict judge_word(std::string_view path, std::string_view yes, std::string_view no, const HttpReply& reply)
{
    std::string_view word = reply.body;
    word = word.substr(0, word.find('\n'));
    bool healthy = reply.status == 200 && word == yes;
    if (!healthy && (no.empty() || reply.status != 503 || word != no))
        return unexpected(path, reply);
    return {.healthy = healthy, .text = std::string(word)};
}

Verdict ask_process(const CommandLine& line, const std::string& address, Clock::time_point deadline)
{
    auto get = [&](std::string_view path) {
        return ask("GET", fmt::format("http://{}{}", address, path), line, deadline);
    };
    if (line.health.probe == "live")
        return judge_word("/livez", "ok", "", get("/livez"));
    if (line.health.probe == "started")
        return judge_word("/startupz", "started", "starting", get("/startupz"));
    return judge_readiness(get("/readyz?verbose"));
}

// What a client sees: the keys that it publishes, which are auth's, and a login that auth refuses.
Verdict ask_gateway(const CommandLine& line, Clock::time_point deadline)
{
    std::string url = line.health.gateway.substr(0, line.health.gateway.find_last_not_of('/') + 1);
    HttpReply reply = ask("GET", url + "/.well-known/jwks.json", line, deadline);
    if (reply.status != 200)
        return {.text = fmt::format("/.well-known/jwks.json is answered with {}", reply.status)};
    auto document = parse_json(reply.body);
    const json::object* members = document ? document->if_object() : nullptr;
    const json::value* keys = members ? members->if_contains("keys") : nullptr;
    if (!keys || !keys->is_array() || keys->as_array().empty())
        return {.text = "/.well-known/jwks.json has no keys"};
    reply = ask("POST", url + "/login", line, deadline);
    if (reply.status != 401)
        return {.text = fmt::format("/login without a password is answered with {}, not 401", reply.status)};
    return {.healthy = true, .text = "ready"};
}

int tell(const CommandLine& line, const std::string& where, const Verdict& verdict)
{
    if (line.json)
        fmt::print(
            "{}\n",
            json::serialize(json::object{
                {"healthy", verdict.healthy}, {"address", where}, {"says", verdict.text}, {"checks", verdict.checks}}));
    else if (verdict.reached)
        fmt::print("{}\n", verdict.text);
    else
        fmt::print(stderr, "gatehouse: {}\n", verdict.text);
    return verdict.healthy ? 0 : 1;
}

template <typename Ask>
Verdict try_to(const std::string& where, const Ask& ask)
{
    try {
        return ask();
    } catch (const std::runtime_error& error) {
        return {.text = fmt::format("no answer from {}: {}", where, error.what()), .checks = {}, .reached = false};
    }
}

}  // namespace

std::optional<std::string> address_to_ask(std::string_view listen)
{
    auto address = parse_listen_address(listen);
    if (!address || address->port == 0)
        return std::nullopt;
    if (address->host == "0.0.0.0")
        address->host = "127.0.0.1";
    if (address->host == "::")
        address->host = "::1";
    return to_string(*address);
}

int health(const CommandLine& line)
{
    auto timeout = parse_duration(line.health.timeout);
    if (!timeout || timeout->count() == 0 || *timeout > timeout_max) {
        fmt::print(stderr, "gatehouse: --timeout takes a duration such as 2s, of at most a minute, not `{}`\n",
                   line.health.timeout);
        return 2;
    }
    auto deadline = Clock::now() + *timeout;
    if (!line.health.gateway.empty())
        return tell(line, line.health.gateway,
                    try_to(line.health.gateway, [&] { return ask_gateway(line, deadline); }));

    // Whatever else may be wrong with a configuration that was changed after the start is not this command's to judge.
    ReadConfig read = read_config(sources_of(line));
    auto address = address_to_ask(read.config.ops.listen);
    if (!address) {
        fmt::print(stderr, "gatehouse: ops.listen is `{}`: --ops-listen tells which address and port to ask\n",
                   read.config.ops.listen);
        return 2;
    }
    Verdict verdict = try_to(*address, [&] { return ask_process(line, *address, deadline); });
    int code = tell(line, *address, verdict);
    if (verdict.reached || read.errors.empty())
        return code;
    // Its address may be in what could not be read.
    for (const std::string& error : read.errors)
        fmt::print(stderr, "{}\n", error);
    return 2;
}

}  // namespace gatehouse::app
