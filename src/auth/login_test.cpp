// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::basic;
using testing::good_password;

struct Login : testing::AuthTest {};

TEST_F(Login, WithJsonGivesTokensAndTheUser)
{
    std::string id = add_user("ada", {"user"}, "ada@example.com");
    auto answer = log_in("ada");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("cache-control"), "no-store");
    auto body = answer.json();
    EXPECT_EQ(find_string(body, "token_type"), "Bearer");
    EXPECT_EQ(find_integer(body, "expires_in"), 600);
    EXPECT_EQ(find_string(body, "refresh_token")->size(), 64u);
    json::object expected;
    expected["id"] = id;
    expected["username"] = "ada";
    expected["email"] = "ada@example.com";
    expected["roles"] = json::array{"user"};
    expected["permissions"] = {"files:read", "files:write"};
    EXPECT_EQ(body.at("user"), json::value(expected));
    EXPECT_EQ(body.size(), 5u);
}

TEST_F(Login, WithBasicGivesTheBareTokenUnlessJsonIsNamed)
{
    add_user("ada@example.com");
    std::string field = basic("ada@example.com", good_password);
    for (std::string_view accept : {"", "*/*", "text/plain, */*;q=0.5", "application/xml"}) {
        testing::Fields fields{{"authorization", field}};
        if (!accept.empty())
            fields.emplace_back("accept", accept);
        auto answer = call("POST", "/login", fields);
        EXPECT_EQ(answer.status, 200) << accept;
        EXPECT_EQ(answer.header("content-type"), "text/plain; charset=utf-8");
        EXPECT_EQ(get("/validate", answer.body).status, 200) << "the body is the token and nothing else";
    }
    for (std::string_view accept : {"application/json", "text/html, application/json;q=0.9", "APPLICATION/JSON"}) {
        auto answer = call("POST", "/login", {{"authorization", field}, {"accept", std::string(accept)}});
        EXPECT_EQ(answer.header("content-type"), "application/json") << accept;
        EXPECT_NE(answer.text("refresh_token"), "(none)");
    }
}

TEST_F(Login, TakesTheNameInAnyCaseAndTheEmailToo)
{
    add_user("Zo\xc3\x8b", {"user"}, "Zoe@Example.com");
    for (std::string_view name : {"Zo\xc3\x8b", "zo\xc3\xab", "ZOE@EXAMPLE.COM", "zoe@example.com"})
        EXPECT_EQ(log_in(name).status, 200) << name;
    EXPECT_EQ(log_in("zoe").status, 401);
}

TEST_F(Login, AnswersWrongUnknownAndDisabledAlike)
{
    add_user("ada");
    add_user("eve");
    ASSERT_TRUE(commands().set_disabled("eve", true).has_value());
    auto wrong = log_in("ada", "wrong password");
    auto unknown = log_in("nobody", "wrong password");
    auto disabled = log_in("eve");
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(wrong.code(), "wrong_credentials");
    EXPECT_EQ(unknown.body, wrong.body);
    EXPECT_EQ(disabled.body, wrong.body);
    EXPECT_EQ(unknown.headers.size(), wrong.headers.size());
    EXPECT_THAT(wrong.header("www-authenticate"), ::testing::Not(::testing::HasSubstr("Basic")));
}

TEST_F(Login, HashesOnceWhateverIsWrong)
{
    add_user("ada");
    add_user("eve");
    ASSERT_TRUE(commands().set_disabled("eve", true).has_value());
    auto hashes_of = [&](std::string_view username, std::string_view password) {
        double before = hashes();
        log_in(username, password);
        return hashes() - before;
    };
    auth();
    EXPECT_EQ(hashes_of("ada", good_password), 1);
    EXPECT_EQ(hashes_of("ada", "wrong password"), 1);
    EXPECT_EQ(hashes_of("ada", ""), 1);
    EXPECT_EQ(hashes_of("ada", std::string(4000, 'x')), 1);
    EXPECT_EQ(hashes_of("nobody", "wrong password"), 1);
    EXPECT_EQ(hashes_of("", ""), 1);
    EXPECT_EQ(hashes_of("eve", good_password), 1);
}

TEST_F(Login, ChallengesForBasicOnlyWhereBasicWasUsed)
{
    auto answer = call("POST", "/login", {{"authorization", basic("ada", "wrong")}});
    EXPECT_EQ(answer.status, 401);
    EXPECT_THAT(answer.header("www-authenticate"), ::testing::StartsWith(R"(Basic realm="gatehouse")"));
}

TEST_F(Login, KeepsColonsInTheBasicPassword)
{
    auto added = commands().add_user({"ada", std::nullopt, {"user"}, Secret("pass:word:word")});
    ASSERT_TRUE(added.has_value());
    EXPECT_EQ(call("POST", "/login", {{"authorization", basic("ada", "pass:word:word")}}).status, 200);
}

TEST_F(Login, RefusesWhatItCannotRead)
{
    EXPECT_EQ(call("POST", "/login", {{"authorization", "Basic !!!"}}).status, 400);
    EXPECT_EQ(call("POST", "/login", {{"authorization", "Basic " + to_base64("no colon")}}).status, 400);
    EXPECT_EQ(call("POST", "/login", {{"authorization", basic("a", "b")}, {"authorization", basic("c", "d")}}).status,
              400);
    EXPECT_EQ(call("POST", "/login").status, 401);
    EXPECT_EQ(call("POST", "/login", {{"content-type", "text/plain"}}, "x").status, 415);
    EXPECT_EQ(call("POST", "/login", testing::AuthTest::json_fields(""), "{").code(), "invalid_json");
    EXPECT_EQ(call("POST", "/login", testing::AuthTest::json_fields(""), std::string(20'000, ' ')).status, 413);
    auto missing = post("/login", {{"username", 1}});
    EXPECT_EQ(missing.status, 422);
    EXPECT_THAT(missing.pointers(), ::testing::ElementsAre("/username", "/password"));
    EXPECT_EQ(hashes(), 0);
}

TEST_F(Login, WithANameThatIsNotUtf8IsWrong)
{
    EXPECT_EQ(call("POST", "/login", {{"authorization", basic("\xff\xfe", "password")}}).status, 401);
    EXPECT_EQ(hashes(), 1);
}

TEST_F(Login, RefusesAStoredHashThatWouldCostTooMuch)
{
    std::string id = add_user("ada");
    auto plant = [&](sql::Connection& connection) {
        connection.execute("UPDATE users SET password_hash = ? WHERE id = ?",
                           {std::string("$argon2id$v=19$m=4194304,t=100,p=1$c29tZXNhbHRzb21lc2FsdA$"
                                        "c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWhhc2g"),
                            id});
    };
    database_->write_blocking(plant);
    EXPECT_EQ(log_in("ada").status, 401);
    EXPECT_EQ(hashes(), 1) << "the dummy's";
}

struct FullQueue : testing::AuthTest {
    FullQueue() : AuthTest(Config{.hash_queue_max = 0}) {}
};

TEST_F(FullQueue, IsAnsweredWith503AndRetryAfter)
{
    add_user("ada");
    for (std::string_view name : {"ada", "nobody"}) {
        auto answer = log_in(name);
        EXPECT_EQ(answer.status, 503);
        EXPECT_EQ(answer.header("retry-after"), "1");
        EXPECT_EQ(answer.code(), "unavailable");
    }
}

TEST_F(Login, FloodIsAnsweredInPartWith503AndValidationGoesOn)
{
    config_.hash_queue_max = 2;
    config_.throttle.account_failures = 100;
    add_user("ada");
    std::string token = token_of("ada");
    constexpr std::size_t count = 24;
    std::vector<std::unique_ptr<http::StringBody>> bodies;
    std::vector<http::Request> requests(count);
    std::vector<std::future<http::Response>> answers;
    for (http::Request& request : requests) {
        bodies.push_back(std::make_unique<http::StringBody>());
        request.head.method = "POST";
        request.head.target = "/login";
        request.head.headers.add("authorization", basic("ada", good_password));
        request.body = bodies.back().get();
        answers.push_back(send(request));
    }
    EXPECT_EQ(get("/validate", token).status, 200);
    std::size_t accepted = 0;
    std::size_t refused = 0;
    for (auto& answer : answers) {
        int status = answer.get().status;
        accepted += status == 200;
        refused += status == 503;
    }
    // The queue's places; one more where the hashing thread took its first job before the last request came.
    EXPECT_GE(accepted, config_.hash_queue_max);
    EXPECT_GE(refused, 1u);
    EXPECT_EQ(accepted + refused, count);
    EXPECT_EQ(log_in("ada").status, 200) << "the places are free again";
}

}  // namespace
}  // namespace gatehouse::auth
