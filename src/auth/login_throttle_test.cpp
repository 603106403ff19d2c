// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"
#include "auth/login_throttle.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace gatehouse::auth {
namespace {

using testing::good_password;

struct LoginThrottle : testing::AuthTest {
    // As the gateway sends it for a client at `address`.
    testing::Answer log_in_from(const std::string& address, std::string_view username,
                                std::string_view password = "wrong password")
    {
        return call("POST", "/login", fields_from(address),
                    json::serialize(json::object{{"username", username}, {"password", password}}));
    }
    testing::Fields fields_from(const std::string& address)
    {
        http::Request signing;
        service_key_.sign_forwarded(signing);
        auto fields = json_fields("");
        fields.emplace_back("x-forwarded-for", address);
        fields.emplace_back(identity::ServiceKey::forwarded_field_name,
                            *signing.head.headers.find(identity::ServiceKey::forwarded_field_name));
        return fields;
    }
    // From as many addresses.
    void fail(std::string_view username, int times)
    {
        for (int i = 0; i < times; ++i)
            EXPECT_EQ(log_in_from("198.51.100." + std::to_string(i), username).status, 401) << i;
    }
    // Fails until the next login must wait for half a minute: longer than any test takes.
    void exhaust(std::string_view username)
    {
        fail(username, 5);
        for (int i = 0; i < 5; ++i) {
            clock_.advance(throttle_delay_max);
            EXPECT_EQ(log_in_from("203.0.113.9", username).status, 401);
        }
    }
    void exhaust_address(const std::string& address, int failures_left = 20)
    {
        for (int i = 0; i < failures_left + 5; ++i) {
            if (i >= failures_left)
                clock_.advance(throttle_delay_max);
            EXPECT_EQ(log_in_from(address, "name" + std::to_string(i)).status, 401) << i;
        }
    }
    std::int64_t rows()
    {
        auto count = [](sql::Connection& connection) {
            return connection.query("SELECT COUNT(*) FROM login_attempts")[0].integer(0);
        };
        return database_->read_blocking(count);
    }
    std::size_t audited(std::string_view type)
    {
        return commands().list_audit({.type = std::string(type)}, 1000).size();
    }
};

TEST_F(LoginThrottle, AfterSomeFailuresTheNextLoginMustWait)
{
    add_user("ada");
    exhaust("ada");
    double before = hashes();
    auto answer = log_in_from("203.0.113.1", "ada", good_password);
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(answer.code(), "too_many_attempts");
    int wait = std::stoi(answer.header("retry-after"));
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, 32);
    EXPECT_EQ(hashes(), before) << "refused before anything is hashed";
    clock_.advance(std::chrono::seconds{wait});
    EXPECT_EQ(log_in_from("203.0.113.1", "ada", good_password).status, 200);
    fail("ada", 5);
}

TEST_F(LoginThrottle, TheDelayDoublesUpToAMinute)
{
    commands();
    auto attempt = describe_attempt("ada", "192.0.2.7", false);
    TimePoint now = clock_.now();
    auto wait_at = [&](std::chrono::milliseconds later) {
        now += later;
        auto admit = [&](sql::Connection& connection) { return admit_attempt(connection, attempt, {}, now); };
        return database_->write_blocking(admit).wait.count();
    };
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(wait_at({}), 0) << i;
    for (int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
        EXPECT_EQ(wait_at({}), seconds);
        EXPECT_EQ(wait_at(std::chrono::seconds{seconds} - std::chrono::milliseconds{1}), 1);
        EXPECT_EQ(wait_at(std::chrono::milliseconds{1}), 0) << seconds;
    }
}

TEST_F(LoginThrottle, SaysTheSameOfNamesThatNobodyHas)
{
    add_user("ada");
    add_user("eve");
    ASSERT_TRUE(commands().set_disabled("eve", true).has_value());
    exhaust("ada");
    auto known = log_in_from("203.0.113.1", "ada");
    EXPECT_EQ(known.status, 429);
    for (const char* name : {"nobody", "eve"}) {
        exhaust(name);
        auto other = log_in_from("203.0.113.1", name);
        EXPECT_EQ(other.status, 429);
        EXPECT_EQ(other.body, known.body);
        EXPECT_EQ(other.headers.size(), known.headers.size());
    }
}

TEST_F(LoginThrottle, ANameInAnotherCaseIsTheSameName)
{
    exhaust("Ada");
    EXPECT_EQ(log_in_from("203.0.113.1", "aDA").status, 429);
}

TEST_F(LoginThrottle, WhoLoggedInFromAnAddressIsNotLockedOutByOthers)
{
    add_user("ada");
    EXPECT_EQ(log_in_from("192.0.2.7", "ada", good_password).status, 200);
    exhaust("ada");
    EXPECT_EQ(log_in_from("203.0.113.1", "ada", good_password).status, 429) << "an address that nobody knows";
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(log_in_from("192.0.2.7", "ada", good_password).status, 200);

    clock_.advance(std::chrono::hours{31 * 24});
    exhaust("ada");
    EXPECT_EQ(log_in_from("192.0.2.7", "ada", good_password).status, 429) << "that was long ago";
}

TEST_F(LoginThrottle, WhoLoggedInIsSlowedDownByTheirOwnFailures)
{
    add_user("ada");
    EXPECT_EQ(log_in_from("192.0.2.7", "ada", good_password).status, 200);
    for (int i = 0; i < 25; ++i) {
        if (i >= 20)
            clock_.advance(throttle_delay_max);
        EXPECT_EQ(log_in_from("192.0.2.7", "ada").status, 401) << i;
    }
    EXPECT_EQ(log_in_from("192.0.2.7", "ada", good_password).status, 429);
}

TEST_F(LoginThrottle, AnAddressThatTriesManyNamesMustWait)
{
    add_user("ada");
    exhaust_address("192.0.2.7");
    EXPECT_EQ(log_in_from("192.0.2.7", "ada", good_password).status, 429);
    EXPECT_EQ(log_in_from("192.0.2.8", "ada", good_password).status, 200);
}

TEST_F(LoginThrottle, OneLoginThatSucceedsDoesNotHideTheOtherFailuresOfAnAddress)
{
    add_user("mallory");
    for (int i = 0; i < 19; ++i)
        EXPECT_EQ(log_in_from("192.0.2.7", "name" + std::to_string(i)).status, 401) << i;
    EXPECT_EQ(log_in_from("192.0.2.7", "mallory", good_password).status, 200);
    exhaust_address("192.0.2.7", 1);
    EXPECT_EQ(log_in_from("192.0.2.7", "one more").status, 429);
}

TEST_F(LoginThrottle, TakesAnIpv6NetworkForOneAddress)
{
    exhaust_address("2001:db8:0:1::7");
    EXPECT_EQ(log_in_from("2001:db8:0:1:ffff::8", "other").status, 429);
    EXPECT_EQ(log_in_from("2001:db8:0:2::7", "other").status, 401);
    exhaust_address("::ffff:192.0.2.9");
    EXPECT_EQ(log_in_from("192.0.2.9", "other").status, 429) << "the same address in IPv6";
}

TEST_F(LoginThrottle, AnAddressThatNobodyVouchesForDoesNotCount)
{
    // It may be that of a gateway, with all clients behind it.
    for (int i = 0; i < 30; ++i) {
        auto fields = json_fields("");
        fields.emplace_back("x-forwarded-for", "192.0.2.7");
        auto form = json::object{{"username", "name" + std::to_string(i)}, {"password", "wrong password"}};
        EXPECT_EQ(call("POST", "/login", fields, json::serialize(form)).status, 401);
    }
    EXPECT_EQ(log_in_from("192.0.2.7", "other").status, 401);
    EXPECT_EQ(log_in_from("127.0.0.1", "other").status, 401);
}

TEST_F(LoginThrottle, ManyGuessesAtOnceGainNothing)
{
    add_user("ada");
    auth();
    std::atomic<int> hashed = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&, i] {
                int status = log_in_from("198.51.100." + std::to_string(i), "ada").status;
                hashed += status == 401;
                EXPECT_TRUE(status == 401 || status == 429 || status == 503) << status;
            });
    }
    // A second later, and two and four after that, one more each.
    EXPECT_LE(hashed, 5 + 3);
    EXPECT_LE(hashes(), 5 + 3);
}

TEST_F(LoginThrottle, HoldsAcrossProcessesOfOneStore)
{
    add_user("ada");
    exhaust("ada");
    Auth::Needs needs{*database_, keys_, revocations_, authenticators_, service_key_, secrets_, clock_, metrics_};
    Auth other(config_, needs);
    other.start();
    auto form = json::serialize(json::object{{"username", "ada"}, {"password", good_password}});
    EXPECT_EQ(call_other(other, "POST", "/login", fields_from("203.0.113.1"), form).status, 429);
    other.stop();
}

TEST_F(LoginThrottle, ForgetsAfterAQuietWhileAndKeepsNoRows)
{
    add_user("ada");
    fail("ada", 5);
    clock_.advance(std::chrono::minutes{15});
    fail("nobody", 1);
    EXPECT_EQ(rows(), 3) << "those of the last attempt";
    fail("ada", 5);
}

TEST_F(LoginThrottle, IsAuditedWhenItBegins)
{
    std::string id = add_user("ada");
    exhaust("ada");
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(log_in_from("203.0.113.1", "ada").status, 429);
    EXPECT_EQ(audited("login.refused"), 10u);
    ASSERT_EQ(audited("login.throttled"), 1u);
    auto record = commands().list_audit({.type = "login.throttled"}, 1).at(0);
    EXPECT_EQ(record.target, id);
    EXPECT_EQ(record.address, "198.51.100.4") << "the client's address, not the gateway's";
    EXPECT_EQ(metrics_.counter("gatehouse_auth_logins_total", "Logins by outcome.", {{"outcome", "throttled"}}).Value(),
              10);
}

TEST_F(LoginThrottle, TheAddressIsBelievedOfTheGatewayAlone)
{
    add_user("ada");
    auto fields = fields_from("192.0.2.7");
    fields.back().second = "guessed";
    auto form = json::serialize(json::object{{"username", "ada"}, {"password", good_password}});
    EXPECT_EQ(call("POST", "/login", fields, form).status, 200);
    EXPECT_EQ(commands().list_audit({.type = "login.accepted"}, 1).at(0).address, "127.0.0.1");
    EXPECT_EQ(call("POST", "/login", fields_from("192.0.2.7"), form).status, 200);
    EXPECT_EQ(commands().list_audit({.type = "login.accepted"}, 1).at(0).address, "192.0.2.7");
}

TEST_F(LoginThrottle, CanBeSwitchedOff)
{
    config_.throttle.enabled = false;
    add_user("ada");
    fail("ada", 12);
    EXPECT_EQ(rows(), 0);
}

struct BusyLogins : LoginThrottle {
    BusyLogins() { config_.hash_queue_max = 0; }
};

TEST_F(BusyLogins, AreNotCounted)
{
    for (int i = 0; i < 12; ++i)
        EXPECT_EQ(log_in_from("192.0.2.7", "ada").status, 503);
    EXPECT_EQ(rows(), 0);
}

}  // namespace
}  // namespace gatehouse::auth
