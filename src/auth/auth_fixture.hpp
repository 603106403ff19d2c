// SPDX-License-Identifier: Apache-2.0
// For tests of this folder: the role on a real database of its own, called through its router. The same tests run on
// SQLite (auth_test) and on MySQL (auth_itest): the program says which by what it links.
#pragma once

#include "auth/auth.hpp"
#include "auth/commands.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/task_group.hpp"
#include "http/problem.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::auth::testing {

inline constexpr std::string_view good_password = "correct horse battery";

struct Answer {
    int status = 0;
    http::Headers headers;
    std::string body;

    json::object json() const
    {
        auto value = parse_json(body);
        EXPECT_TRUE(value.has_value() && value->is_object()) << body;
        return value && value->is_object() ? value->get_object() : json::object{};
    }
    std::string text(std::string_view member) const { return find_string(json(), member).value_or("(none)"); }
    std::string code() const { return text("code"); }
    std::string header(std::string_view name) const { return std::string(headers.find(name).value_or("(none)")); }
    // The pointers of the fields that an invalid_fields problem names.
    std::vector<std::string> pointers() const
    {
        std::vector<std::string> names;
        for (const json::value& error : json().at("errors").as_array())
            names.push_back(find_string(error.as_object(), "pointer").value_or(""));
        return names;
    }
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// A database for one test, empty at first and gone at the end.
class TestStore {
public:
    virtual ~TestStore() = default;
    virtual std::unique_ptr<sql::Database> open() = 0;  // again and again
};
std::unique_ptr<TestStore> make_test_store();

inline std::string basic(std::string_view username, std::string_view password)
{
    return "Basic " + to_base64(std::string(username) + ':' + std::string(password));
}

class AuthTest : public ::testing::Test {
protected:
    explicit AuthTest(Config config = {}) : config_(with_issuer(std::move(config))) { threads_.start(); }
    ~AuthTest() override
    {
        end_auth();
        database_->stop();
        threads_.stop();
    }

    static Config with_issuer(Config config)
    {
        config.issuer = "https://gate.example";
        return config;
    }

    // The role, started at the first use.
    Auth& auth()
    {
        if (!auth_) {
            Auth::Needs needs{*database_, keys_,  revocations_, authenticators_, service_key_,
                              secrets_,   clock_, metrics_,     queue_.get()};
            auth_ = std::make_unique<Auth>(config_, needs);
            auth_->on_announce([this] { ++announced_; });
            auth_->start();
            following_ = std::make_unique<TaskGroup>(threads_.context(0).get_executor(), "auth", 1);
            asio::post(threads_.context(0), [this] { following_->spawn(auth_->follow_revocations()); });
        }
        return *auth_;
    }

    // As the end of its process; the next use starts it again.
    void end_auth()
    {
        if (!auth_)
            return;
        asio::co_spawn(threads_.context(0), following_->stop(std::chrono::milliseconds{0}), asio::use_future).get();
        auth_->stop();
        auth_.reset();
    }

    std::future<http::Response> send(http::Request& request)
    {
        if (!handler_)
            handler_ = [this](http::Request& received) { return auth().router().handle(received); };
        auth();
        return asio::co_spawn(threads_.context(0), http::answer(handler_, request), asio::use_future);
    }

    Answer call(std::string_view method, std::string_view target, const Fields& fields = {}, std::string body = {})
    {
        auto to_ours = [this](http::Request& request) { return send(request).get(); };
        return call_with(to_ours, method, target, fields, std::move(body));
    }
    // The same of another process's role.
    Answer call_other(Auth& other, std::string_view method, std::string_view target, const Fields& fields = {},
                      std::string body = {})
    {
        http::Handler handler = [&other](http::Request& received) { return other.router().handle(received); };
        auto to_other = [&](http::Request& request) {
            return asio::co_spawn(threads_.context(0), http::answer(handler, request), asio::use_future).get();
        };
        return call_with(to_other, method, target, fields, std::move(body));
    }
    template <class Send>
    static Answer call_with(Send send_request, std::string_view method, std::string_view target, const Fields& fields,
                            std::string body)
    {
        http::StringBody reader(std::move(body));
        http::Request request;
        request.head.method = method;
        request.head.target = target;
        for (const auto& [name, value] : fields)
            request.head.headers.add(name, value);
        request.body = &reader;
        request.request_id = "request";
        request.remote_address = "127.0.0.1";
        auto response = send_request(request);
        return {response.status, std::move(response.headers), std::move(response.body)};
    }
    Answer post(std::string_view target, const json::object& body, std::string_view token = {})
    {
        return call("POST", target, json_fields(token), json::serialize(body));
    }
    Answer get(std::string_view target, std::string_view token = {})
    {
        Fields fields;
        if (!token.empty())
            fields.emplace_back("authorization", "Bearer " + std::string(token));
        return call("GET", target, fields);
    }
    static Fields json_fields(std::string_view token)
    {
        Fields fields{{"content-type", "application/json"}};
        if (!token.empty())
            fields.emplace_back("authorization", "Bearer " + std::string(token));
        return fields;
    }

    Answer log_in(std::string_view username, std::string_view password = good_password)
    {
        return post("/login", {{"username", username}, {"password", password}});
    }
    std::string token_of(std::string_view username) { return log_in(username).text("access_token"); }

    Commands& commands()
    {
        if (!commands_) {
            commands_ = std::make_unique<Commands>(*database_, secrets_, clock_);
            commands_->migrate();
        }
        return *commands_;
    }
    // A user with `good_password`; gives the id.
    std::string add_user(std::string_view username, std::vector<std::string> roles = {"user"},
                         std::optional<std::string> email = std::nullopt)
    {
        auto added = commands().add_user(
            {std::string(username), std::move(email), std::move(roles), Secret(std::string(good_password))});
        EXPECT_TRUE(added.has_value()) << (added ? "" : added.error());
        return added ? added->id : "";
    }

    double hashes()
    {
        return metrics_.counter("gatehouse_auth_password_hashes_total", "Password hashes computed.").Value();
    }

    std::unique_ptr<TestStore> store_ = make_test_store();
    std::unique_ptr<sql::Database> database_ = store_->open();
    Clock clock_;
    Metrics metrics_;
    identity::KeySource keys_;
    identity::RevocationList revocations_;
    identity::ServiceKey service_key_{Secret(std::string(32, 's'))};
    SecretBox secrets_{Secret(std::string(32, 'e'))};
    Config config_;
    PerThread<identity::Authenticator> authenticators_{
        1, [this](std::size_t) {
            identity::TokenRules rules{.issuer = config_.issuer, .audience = config_.audience};
            return std::make_unique<identity::Authenticator>(keys_, revocations_, rules, clock_);
        }};
    IoThreads threads_{1};
    std::unique_ptr<TaskGroup> following_;
    http::Handler handler_;
    int announced_ = 0;
    std::unique_ptr<events::EventQueue> queue_;  // of the tests that make one
    std::unique_ptr<Commands> commands_;
    std::unique_ptr<Auth> auth_;
};

}  // namespace gatehouse::auth::testing
