// SPDX-License-Identifier: Apache-2.0
#include "app/status.hpp"

#include "http/problem.hpp"
#include "identity/revocation_fixture.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>

namespace gatehouse::app {
namespace {

// Tells depths, or is away.
class DepthQueue final : public events::EventQueue {
public:
    std::atomic<bool> away{false};
    std::atomic<bool> fails{false};
    std::atomic<int> asked{0};

    Task<void> publish(events::Event) override { co_return; }
    Task<void> consume(std::string, std::size_t, Handle) override { co_return; }
    Task<std::vector<events::DeadLetter>> dead_letters(std::size_t) override
    {
        co_return std::vector<events::DeadLetter>{};
    }
    Task<std::optional<events::DeadLetter>> find_dead_letter(std::string) override { co_return std::nullopt; }
    Task<bool> retry_dead_letter(std::string) override { co_return false; }
    Task<bool> drop_dead_letter(std::string) override { co_return false; }
    Task<std::size_t> depth(std::string) override
    {
        ++asked;
        if (fails)
            throw Unavailable("the broker went away");
        co_return 3;
    }
    Task<std::size_t> dead_count(std::string) override { co_return 1; }
    bool ready() const override { return !away; }
};

struct StatusTest : ::testing::Test {
    StatusTest()
    {
        keys.store(identity::KeySet::of({key}));
        ops.add_check({"auth", [this] { return auth_works.load(); }});
        ops.add_check({"events.store", [this] { return queue.ready(); }, false});
        ops.set_started();
        threads.start();
    }
    ~StatusTest() override { threads.stop(); }

    std::string token(std::vector<std::string> permissions)
    {
        identity::Claims claims;
        claims.issuer = rules.issuer;
        claims.audience = rules.audience;
        claims.subject = "0190163d-8694-739b-aea5-966c26f8ad91";
        claims.token_id = "t";
        claims.session_id = "s";
        claims.username = "ada";
        claims.roles = {"user"};
        claims.permissions = std::move(permissions);
        claims.issued_at = to_unix_seconds(clock.now());
        claims.expires_at = claims.issued_at + 600;
        return identity::sign_token(claims, key);
    }

    http::Response send(const http::Handler& handler, const std::string& authorization = "", std::string target = path)
    {
        http::StringBody empty;
        http::Request request;
        request.head.method = "GET";
        request.head.target = std::move(target);
        if (!authorization.empty())
            request.head.headers.add("authorization", "Bearer " + authorization);
        request.body = &empty;
        return asio::co_spawn(threads.context(0), http::answer(handler, request), asio::use_future).get();
    }
    json::object whole()
    {
        return ask([this](http::Request& request) { return status.upstream().send(request); });
    }
    json::object own() { return ask(status.beside(role)); }
    json::object ask(const http::Handler& handler)
    {
        auto response = send(handler, token({"admin:status"}));
        EXPECT_EQ(response.status, 200) << response.body;
        auto value = parse_json(response.body);
        return value && value->is_object() ? value->get_object() : json::object{};
    }

    static RoleSet roles_of(std::vector<std::string> words) { return parse_roles(words); }
    static Task<http::Response> teapot()
    {
        http::Response response;
        response.status = 418;
        co_return response;
    }

    inline static const std::string path = "/admin/status";
    Clock clock;
    Metrics metrics;
    Ops ops{metrics};
    identity::SigningKey key = identity::SigningKey::generate(identity::Algorithm::eddsa);
    identity::KeySource keys;
    identity::testing::KnownRevocations revocations;
    identity::TokenRules rules{.issuer = "https://gate.example", .audience = "gatehouse"};
    PerThread<identity::Authenticator> authenticators{1, [this](std::size_t) {
                                                          return std::make_unique<identity::Authenticator>(
                                                              keys, revocations.list, rules, clock);
                                                      }};
    std::shared_ptr<http::ServerMetrics> requests = http::ServerMetrics::make(1, metrics);
    DepthQueue queue;
    std::atomic<bool> auth_works{true};
    http::Handler role = [](http::Request&) { return teapot(); };
    IoThreads threads{1};
    Status status{Status::Needs{roles_of({"gateway", "auth"}), ops, clock, authenticators, *requests, &queue, "/"}};
};

TEST_F(StatusTest, IsForWhoHasThePermission)
{
    auto handler = status.beside(role);
    EXPECT_EQ(send(handler).status, 401);
    EXPECT_EQ(send(handler, token({"admin:audit"})).status, 403);
    EXPECT_EQ(send(handler, token({"admin:*"})).status, 200);
    EXPECT_EQ(send([this](http::Request& request) { return status.upstream().send(request); }).status, 401);
}

TEST_F(StatusTest, StandsBesideARoleWhoseOtherPathsAreItsOwn)
{
    auto handler = status.beside(role);
    EXPECT_EQ(send(handler, "", "/login").status, 418);
    EXPECT_EQ(send(handler, "", "/admin/status/more").status, 418);
    EXPECT_EQ(send(handler, "", "/admin/status?x=1").status, 401);
}

TEST_F(StatusTest, SaysWhatFails)
{
    auth_works = false;
    auto found = whole();
    EXPECT_EQ(find_bool(found, "ready"), false);
    EXPECT_EQ(json::serialize(found.at("processes").at(0).at("checks")),
              R"([{"name":"auth","passes":false,"required":true},)"
              R"({"name":"events.store","passes":true,"required":false}])");
    EXPECT_EQ(json::serialize(found.at("roles").at(0)), R"({"name":"gateway","state":"not_ready"})");
    EXPECT_EQ(json::serialize(found.at("roles").at(2)), R"({"name":"files","state":"unknown"})");
}

TEST_F(StatusTest, AQueueThatIsAwayHasNoFigures)
{
    EXPECT_EQ(json::serialize(own().at("queues")),
              R"([{"name":"worker","depth":3,"dead":1},{"name":"notifier","depth":3,"dead":1}])");
    queue.away = true;
    int asked = queue.asked;
    EXPECT_EQ(json::serialize(whole().at("queues")),
              R"([{"name":"worker","depth":null,"dead":null},{"name":"notifier","depth":null,"dead":null}])");
    EXPECT_EQ(queue.asked, asked) << "who is away is not waited for";
}

TEST_F(StatusTest, AQueueThatGoesAwayMeanwhileIsAskedOnce)
{
    queue.fails = true;
    EXPECT_TRUE(own().at("queues").at(1).at("depth").is_null());
    EXPECT_EQ(queue.asked, 1);
}

TEST_F(StatusTest, KeepsAnAnswerForAMoment)
{
    whole();
    int asked = queue.asked;
    for (int i = 0; i < 20; ++i)
        whole();
    EXPECT_EQ(queue.asked, asked);
}

TEST_F(StatusTest, ARoleThatRefusesIsNotReached)
{
    http::Upstream files("files", role);
    status.ask(Role::files, files);
    auto found = whole();
    EXPECT_EQ(find_bool(found, "ready"), false);
    EXPECT_EQ(json::serialize(found.at("roles").at(2)), R"({"name":"files","state":"unreachable"})");
    EXPECT_EQ(find_string(found.at("processes").at(1).as_object(), "reason"), "it answered 418");
}

TEST_F(StatusTest, ARoleElsewhereSaysWhatThisProcessLacks)
{
    Status elsewhere(Status::Needs{roles_of({"files"}), ops, clock, authenticators, *requests, nullptr, {}});
    http::Upstream files("files", elsewhere.beside(role));
    status.ask(Role::files, files);
    auto found = whole();
    EXPECT_EQ(find_bool(found, "ready"), true);
    EXPECT_EQ(json::serialize(found.at("roles").at(2)), R"({"name":"files","state":"ready"})");
    EXPECT_EQ(found.at("processes").as_array().size(), 2u);
    EXPECT_FALSE(found.at("disk").is_null());
}

}  // namespace
}  // namespace gatehouse::app
