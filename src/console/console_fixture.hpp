// SPDX-License-Identifier: Apache-2.0
// For tests: the console with a scripted handler in the place of the role auth.
#pragma once

#include "base/json.hpp"
#include "console/console.hpp"
#include "http/json_body.hpp"
#include "http/problem.hpp"
#include "identity/session_cookie.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::console::testing {

// Answers what it was told to, in that order, and keeps what it was asked.
class FakeAuth final {
public:
    struct Call {
        std::string target;
        http::Headers headers;
        std::string body;
        std::string request_id;
        std::string remote_address;
    };

    std::vector<Call> calls;

    void will_answer(http::Response response) { answers_.push_back(std::move(response)); }

    http::Handler handler()
    {
        return [this](http::Request& request) { return answer(request); };
    }

private:
    Task<http::Response> answer(http::Request& request)
    {
        std::string body = co_await http::read_body(request, 65536);
        calls.push_back({request.head.target, request.head.headers, body, request.request_id, request.remote_address});
        EXPECT_EQ(request.head.method, "POST");
        if (answers_.empty())
            throw std::runtime_error("auth was not expected to be called");
        http::Response response = std::move(answers_.front());
        answers_.pop_front();
        co_return response;
    }

    std::deque<http::Response> answers_;
};

struct Reply {
    int status = 0;
    http::Headers headers;
    std::string body;

    std::string header(std::string_view name) const { return std::string(headers.find(name).value_or("")); }
    std::vector<std::string> cookies() const
    {
        std::vector<std::string> values;
        for (http::Field field : headers)
            if (field.name == "set-cookie")
                values.emplace_back(field.value);
        return values;
    }
    json::object object() const
    {
        auto value = parse_json(body);
        return value && value->is_object() ? value->as_object() : json::object{};
    }
    std::string code() const { return find_string(object(), "code").value_or("(none)"); }
};

class ConsoleTest : public ::testing::Test {
protected:
    using Fields = std::vector<std::pair<std::string, std::string>>;

    Reply send(std::string method, std::string target, Fields fields = {}, std::string body = {})
    {
        http::Request request;
        request.head.method = std::move(method);
        request.head.target = std::move(target);
        request.head.headers.add("host", "gate.example");
        for (const auto& [name, value] : fields)
            request.head.headers.add(name, value);
        request.request_id = "request-7";
        request.remote_address = "192.0.2.7";
        request.scheme = "https";
        http::StringBody content(std::move(body));
        request.body = &content;

        http::Response response = gatehouse::testing::run_task(handler_(request));
        Reply reply{response.status, std::move(response.headers), std::move(response.body)};
        if (response.stream)
            reply.body = gatehouse::testing::run_task(drain(*response.stream));
        return reply;
    }

    static Task<std::string> drain(http::BodyReader& stream)
    {
        std::string all;
        while (true) {
            std::string_view piece = co_await stream.read();
            if (piece.empty())
                co_return all;
            all += piece;
        }
    }

    static Fields own_page(Fields more = {})
    {
        more.emplace_back("sec-fetch-site", "same-origin");
        return more;
    }
    static Fields own_form() { return own_page({{"content-type", "application/json"}}); }
    static std::pair<std::string, std::string> cookies(std::string_view access, std::string_view refresh)
    {
        std::string text;
        if (!access.empty())
            text = std::string(identity::access_cookie) + "=" + std::string(access);
        if (!refresh.empty())
            text += (text.empty() ? "" : "; ") + std::string(identity::refresh_cookie) + "=" + std::string(refresh);
        return {"cookie", text};
    }

    static http::Response tokens(std::string_view access, std::string_view refresh)
    {
        return http::json_response({{"access_token", access},
                                    {"token_type", "Bearer"},
                                    {"expires_in", 600},
                                    {"refresh_token", refresh},
                                    {"user", {{"id", "u1"}, {"username", "ada"}}}});
    }

    FakeAuth auth_;
    http::Upstream upstream_{"auth", auth_.handler()};
    Console console_{upstream_};
    http::Handler handler_ = console_.handler();
};

}  // namespace gatehouse::console::testing
