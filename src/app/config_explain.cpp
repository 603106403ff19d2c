// SPDX-License-Identifier: Apache-2.0
#include "app/config_explain.hpp"

#include "app/config_commands.hpp"
#include "app/listen_address.hpp"
#include "app/run_task.hpp"
#include "base/io_threads.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "gateway/gateway.hpp"
#include "http/problem.hpp"
#include "identity/authenticator.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <vector>

namespace gatehouse::app {

namespace {

// A gateway that serves nobody: the roles behind it are never called.
class SilentGateway final {
public:
    explicit SilentGateway(const Config& config) : rules_{config.auth.issuer, config.auth.audience}
    {
        gateway::Config its = config.gateway;
        if (its.public_url.empty())
            its.public_url = local_url(*parse_listen_address(its.listen));
        its.issuers.clear();  // their keys are not fetched here
        gateway_ = std::make_unique<gateway::Gateway>(
            std::move(its), gateway::Gateway::Needs{threads_, role_, role_, role_, clients_, authenticators_,
                                                    revocations_, service_key_, clock_, metrics_, *server_metrics_});
    }

    json::object explain(json::object question)
    {
        std::promise<json::object> promise;
        auto outcome = promise.get_future();
        threads_.start();
        asio::post(threads_.context(0),
                   [&] { tasks_.spawn(keep_outcome(gateway_->explain(std::move(question)), promise)); });
        outcome.wait();
        threads_.stop();
        return outcome.get();
    }

private:
    static Task<http::Response> answer(http::Request&) { co_return http::no_content(); }

    identity::TokenRules rules_;
    Clock clock_;
    Metrics metrics_;
    IoThreads threads_{1};
    std::shared_ptr<http::ServerMetrics> server_metrics_ = http::ServerMetrics::make(1, metrics_);
    http::Upstream role_{"role", [](http::Request& request) { return answer(request); }};
    identity::KeySource keys_;
    identity::RevocationList revocations_;
    identity::ServiceKey service_key_{Secret(std::string(identity::ServiceKey::characters_min, 'x'))};
    PerThread<identity::Authenticator> authenticators_{
        1,
        [this](std::size_t) { return std::make_unique<identity::Authenticator>(keys_, revocations_, rules_, clock_); }};
    PerThread<http::Client> clients_{1, [this](std::size_t i) {
                                         return std::make_unique<http::Client>(threads_.context(i).get_executor(),
                                                                               http::ClientOptions{});
                                     }};
    std::unique_ptr<gateway::Gateway> gateway_;
    TaskGroup tasks_{threads_.context(0).get_executor(), "app", 1};
};

std::string text_of(const json::object& object, std::string_view member)
{
    return find_string(object, member).value_or("");
}

std::vector<std::string> texts_of(const json::object& object, std::string_view member)
{
    std::vector<std::string> texts;
    if (const json::value* list = object.if_contains(member); list && list->is_array())
        for (const json::value& item : list->get_array())
            texts.push_back(item.is_string() ? std::string(std::string_view(item.get_string()))
                                             : json::serialize(item));
    return texts;
}

void append_steps(std::string& out, const json::object& explanation)
{
    for (const json::value& item : explanation.at("steps").as_array()) {
        const json::object& step = item.as_object();
        std::string detail = text_of(step, "detail");
        fmt::format_to(std::back_inserter(out), "  {:16} {}{}{}\n", text_of(step, "step"), text_of(step, "outcome"),
                       detail.empty() ? "" : ": ", detail);
    }
}

void append_token(std::string& out, const json::value& token)
{
    if (!token.is_object())
        return;
    const json::object& object = token.get_object();
    if (const json::value* claims = object.if_contains("claims")) {
        const json::object& user = claims->as_object();
        fmt::format_to(std::back_inserter(out), "token: verified, of {} ({}), roles {}, permissions {}\n",
                       text_of(user, "username"), text_of(user, "sub"), fmt::join(texts_of(user, "roles"), " "),
                       fmt::join(texts_of(user, "permissions"), " "));
        return;
    }
    const json::value* says = object.if_contains("says");
    out += says ? fmt::format("token: not verified; it says {}\n", json::serialize(*says)) : "token: not verified\n";
}

void append_forwarding(std::string& out, const json::object& forwarding)
{
    fmt::format_to(std::back_inserter(out), "goes to {}: {} {}\n", text_of(forwarding, "upstream"),
                   text_of(forwarding, "method"), text_of(forwarding, "target"));
    for (const json::value& item : forwarding.at("endpoints").as_array()) {
        const json::object& endpoint = item.as_object();
        bool fit = find_bool(endpoint, "fit").value_or(true);
        fmt::format_to(std::back_inserter(out), "  {}{}, {} in progress\n", text_of(endpoint, "endpoint"),
                       fit ? "" : " (out)", find_integer(endpoint, "requests_in_progress").value_or(0));
    }
}

void append_answer(std::string& out, const json::object& answer)
{
    std::string code = text_of(answer, "code");
    fmt::format_to(std::back_inserter(out), "answered here: {}{}{}\n", find_integer(answer, "status").value_or(0),
                   code.empty() ? "" : fmt::format(" {}: ", code), text_of(answer, "detail"));
    for (const auto& field : answer.at("headers").as_object())
        fmt::format_to(std::back_inserter(out), "  {}: {}\n", std::string_view(field.key()),
                       std::string_view(field.value().as_string()));
}

}  // namespace

json::object explain_without_server(const Config& config, json::object question)
{
    return SilentGateway(config).explain(std::move(question));
}

std::string print_explanation(const json::object& explanation)
{
    std::string out;
    const json::object& request = explanation.at("request").as_object();
    fmt::format_to(std::back_inserter(out), "{} {} of {}\n", text_of(request, "method"), text_of(request, "target"),
                   text_of(request, "host"));
    append_steps(out, explanation);
    append_token(out, explanation.at("token"));
    if (const json::object* forwarding = explanation.at("forwarded").if_object())
        append_forwarding(out, *forwarding);
    else if (const json::object* answer = explanation.at("answer").if_object())
        append_answer(out, *answer);
    else
        out += fmt::format("what follows cannot be told: {}\n", text_of(explanation, "unknown"));
    for (const json::value& item : explanation.at("other_routes").as_array())
        fmt::format_to(std::back_inserter(out), "not by {}: {}\n", text_of(item.as_object(), "route"),
                       text_of(item.as_object(), "reason"));
    return out;
}

int config_explain(const CommandLine& line)
{
    json::object question{{"method", line.method}, {"url", line.url}};
    if (line.token)
        question["token"] = *line.token;
    json::array headers;
    for (const std::string& header : line.headers) {
        std::size_t colon = header.find(':');
        std::size_t value = colon == std::string::npos ? colon : header.find_first_not_of(' ', colon + 1);
        if (colon == std::string::npos || colon == 0) {
            fmt::print(stderr, "gatehouse: --header takes \"Name: value\", not `{}`\n", header);
            return 2;
        }
        headers.push_back(json::array{header.substr(0, colon), value == std::string::npos ? "" : header.substr(value)});
    }
    if (!headers.empty())
        question["headers"] = std::move(headers);
    log::configure(log::Format::text, log::Level::error);
    try {
        auto answer = find_server_answer(line, "config.explain", question);
        if (!answer) {
            auto loaded = load_or_explain(line);
            if (!loaded)
                return 2;
            fmt::print(stderr, "No server answers: this is told by the configuration alone, which knows no keys and no "
                               "revocations.\n");
            answer = explain_without_server(loaded->config, std::move(question));
        }
        fmt::print("{}", line.json ? json::serialize(*answer) + "\n" : print_explanation(*answer));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "gatehouse: {}\n", error.what());
        return 1;
    }
}

}  // namespace gatehouse::app
