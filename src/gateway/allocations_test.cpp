// SPDX-License-Identifier: Apache-2.0
// What a proxied request takes from the heap once everything is warm: the frames of the coroutines that wait, and
// nothing for what they do.
#define COUNT_ALLOCATIONS_HERE
#include "gateway/gateway_fixture.hpp"
#include "http/spare_headers.hpp"
#include "support/allocations.hpp"
#include "support/test_server.hpp"

namespace gatehouse::gateway {
namespace {

// Pipeline::handle and ::pass, Upstream::send_over_http and ::try_endpoint, Client::send, and the test's own.
constexpr std::size_t frames = 6;
constexpr std::size_t requests = 100;

Task<http::Response> answer_small(http::Request&) { co_return gatehouse::testing::text_response("{\"ok\":true}"); }

struct Allocations : testing::GatewayTest {
    Task<http::Response> many(std::size_t count, std::string bearer)
    {
        http::Handler handler = gateway_->handler();
        http::Request request;
        http::StringBody nothing;
        for (std::size_t i = 0; i < count; ++i) {
            // As the server's connection does it, in memory that is there.
            request.head.clear();
            request.head.method = "GET";
            request.head.target = "/orders/7";
            request.head.headers.add("host", "gate.example");
            request.head.headers.add("user-agent", "a client with a name that is not short");
            request.head.headers.add("authorization", bearer);
            request.remote_address = "127.0.0.1";
            request.body = &nothing;
            http::Response response = co_await handler(request);
            EXPECT_EQ(response.status, 200);
            http::SpareHeaders::give_back(std::move(response.headers));
        }
        co_return http::Response{};
    }

    std::size_t count(std::size_t count, const std::string& bearer)
    {
        std::promise<std::size_t> counted;
        asio::post(threads_.context(0), [&] {
            std::size_t before = gatehouse::testing::allocations;
            asio::co_spawn(threads_.context(0), many(count, bearer), [&, before](std::exception_ptr, http::Response) {
                counted.set_value(gatehouse::testing::allocations - before);
            });
        });
        return counted.get_future().get();
    }
};

TEST_F(Allocations, OfAProxiedRequestAreTheFramesOfItsCoroutines)
{
    gatehouse::testing::TestServer service(answer_small);
    config_.routes.push_back({.path = "/orders", .upstreams = {"http://127.0.0.1:" + std::to_string(service.port())}});
    auto first = request("GET", "/orders/7");
    EXPECT_EQ(send(first).status, 401);
    std::string bearer = "Bearer " + token({});
    count(requests, bearer);
    EXPECT_LE(count(requests, bearer), (frames + 1) * requests);
    clients_.at(0).close_idle();
}

}  // namespace
}  // namespace gatehouse::gateway
