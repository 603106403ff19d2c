// SPDX-License-Identifier: Apache-2.0
#include "app/control.hpp"

#include "app/run_task.hpp"
#include "base/timeout.hpp"
#include "http/client.hpp"
#include "http/json_body.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

constexpr std::size_t command_bytes_max = 1024 * 1024;  // some hundred users to import
constexpr std::size_t result_bytes_max = 16 * 1024 * 1024;
constexpr std::chrono::seconds command_max{60};
constexpr std::chrono::seconds drain_max{5};

http::ServerOptions control_options(const std::filesystem::path& socket)
{
    http::ServerOptions options;
    options.name = "control";
    options.unix_path = socket.string();
    options.body_bytes_max = command_bytes_max;
    options.connections_max = 16;
    return options;
}

struct Answer {
    int status = 0;
    std::string body;
};

Task<Answer> send_command(http::Client& client, std::filesystem::path socket, std::string name, std::string arguments)
{
    http::StringBody body(std::move(arguments));
    http::Request request;
    request.head.method = "POST";
    request.head.target = "/commands/" + name;
    request.head.headers.add("content-type", "application/json");
    request.body = &body;
    http::Endpoint endpoint{"unix", socket.string(), 0, ""};
    auto response = co_await client.send(std::move(endpoint), "localhost", request);

    Answer answer{response.status, std::move(response.body)};
    while (response.stream) {
        auto piece = co_await response.stream->read();
        if (piece.empty())
            break;
        answer.body.append(piece);
        if (answer.body.size() > result_bytes_max)
            throw std::runtime_error("the server's answer is too long");
    }
    co_return answer;
}

}  // namespace

Control::Control(IoThreads& threads, const std::filesystem::path& socket, CommandContext context)
    : context_(std::move(context)),
      router_({{"POST", "/commands/{name}", [this](http::Request& request) { return run(request); }}}),
      server_(threads, control_options(socket), http::make_handler(router_))
{
}

void Control::stop() { server_.drain(drain_max); }

// POST /commands/{name}: runs a management command; the result as JSON.
Task<http::Response> Control::run(http::Request& request)
{
    auto arguments = co_await http::read_json(request, command_bytes_max);
    auto result = co_await run_command(context_, request.path_parameters[0], std::move(arguments));
    co_return http::json_response(result);
}

json::value call_control(const std::filesystem::path& socket, const std::string& name, const json::object& arguments)
{
    asio::io_context context;
    Answer answer;
    {
        http::Client client(context.get_executor(), http::ClientOptions{});
        auto sending = send_command(client, socket, name, json::serialize(arguments));
        answer = run_task(context, with_timeout(std::move(sending), command_max, "the server's answer"));
        client.close_idle();
    }
    auto parsed = parse_json(answer.body);
    if (!parsed)
        throw std::runtime_error("the server's answer is not JSON");
    if (answer.status == 200)
        return *parsed;
    const json::object* problem = parsed->if_object();
    auto detail = problem ? find_string(*problem, "detail") : std::nullopt;
    throw std::runtime_error(detail.value_or("the command failed in the server"));
}

}  // namespace gatehouse::app
