// SPDX-License-Identifier: Apache-2.0
// A gateway with handlers in the place of our own roles, for the tests of this folder.
#pragma once

#include "base/json.hpp"
#include "gateway/gateway.hpp"
#include "http/problem.hpp"
#include "identity/revocation_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <future>

namespace gatehouse::gateway::testing {

// Answers 200 and keeps what it saw.
struct Service {
    http::RequestHead seen;
    int calls = 0;
    int status = 200;
    bool streams = false;

    Task<http::Response> answer(http::Request& request)
    {
        ++calls;
        seen = request.head;
        while (!(co_await request.body->read()).empty()) {
        }
        http::Response response;
        response.status = status;
        if (streams)
            response.stream = std::make_unique<http::StringBody>("served");
        else
            response.body = "served";
        response.headers.set("connection", "close");
        co_return response;
    }
    http::Handler handler()
    {
        return [this](http::Request& request) { return answer(request); };
    }
};

inline identity::TokenRules rules() { return {.issuer = "http://localhost", .audience = "gatehouse"}; }

class GatewayTest : public ::testing::Test {
protected:
    GatewayTest() : threads_(1), key_(identity::SigningKey::generate(identity::Algorithm::eddsa))
    {
        keys_.store(identity::KeySet::of({key_}));
        threads_.start();
        config_.access_log = false;
    }
    ~GatewayTest() override { threads_.stop(); }

    std::string token(std::vector<std::string> permissions)
    {
        identity::Claims claims;
        claims.issuer = rules().issuer;
        claims.audience = rules().audience;
        claims.subject = "0190163d-8694-739b-aea5-966c26f8ad91";
        claims.token_id = "t";
        claims.session_id = "s";
        claims.username = "ada";
        claims.roles = {"user"};
        claims.permissions = std::move(permissions);
        claims.issued_at = to_unix_seconds(clock_.now());
        claims.expires_at = claims.issued_at + 600;
        return identity::sign_token(claims, key_);
    }

    http::Request request(std::string method, std::string target)
    {
        http::Request request;
        request.head.method = std::move(method);
        request.head.target = std::move(target);
        request.head.headers.add("host", "gate.example");
        request.remote_address = "127.0.0.1";
        return request;
    }

    http::Response send(http::Request& request, std::string body = {})
    {
        http::StringBody text(std::move(body));
        request.body = &text;
        if (!gateway_)
            gateway_ = std::make_unique<Gateway>(
                config_, Gateway::Needs{threads_, auth_up_, files_up_, console_up_, clients_, authenticators_,
                                        revocations_.list, service_key_, clock_, metrics_, *server_metrics_});
        std::promise<http::Response> promise;
        auto done = [&](std::exception_ptr error, http::Response response) {
            if (error)
                promise.set_exception(error);
            else
                promise.set_value(std::move(response));
        };
        asio::co_spawn(threads_.context(0), run(gateway_->handler(), request), done);
        return promise.get_future().get();
    }

    // Handlers are called on an I/O thread.
    static Task<http::Response> run(http::Handler handler, http::Request& request)
    {
        co_return co_await handler(request);
    }

    static std::string code(const http::Response& response)
    {
        auto problem = parse_json(response.body);
        return problem ? find_string(problem->as_object(), "code").value_or("none") : "not json";
    }

    IoThreads threads_;
    Clock clock_;
    Metrics metrics_;
    std::shared_ptr<http::ServerMetrics> server_metrics_ = http::ServerMetrics::make(1, metrics_);
    identity::SigningKey key_;
    identity::KeySource keys_;
    identity::testing::KnownRevocations revocations_;
    identity::ServiceKey service_key_{Secret(std::string(32, 's'))};
    Service auth_, files_, console_, orders_;
    http::Upstream auth_up_{"auth", auth_.handler()};
    http::Upstream files_up_{"files", files_.handler()};
    http::Upstream console_up_{"console", console_.handler()};
    PerThread<http::Client> clients_{1, [this](std::size_t i) {
                                         return std::make_unique<http::Client>(threads_.context(i).get_executor(),
                                                                               http::ClientOptions{});
                                     }};
    PerThread<identity::Authenticator> authenticators_{1, [this](std::size_t) {
                                                           return std::make_unique<identity::Authenticator>(
                                                               keys_, revocations_.list, rules(), clock_);
                                                       }};
    Config config_;
    std::unique_ptr<Gateway> gateway_;
};

}  // namespace gatehouse::gateway::testing
