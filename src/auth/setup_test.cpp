// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include "auth/passwords.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::good_password;

struct Setup : testing::AuthTest {
    json::object form(std::string_view token)
    {
        return {{"token", token}, {"username", "root"}, {"email", "root@example.com"}, {"password", good_password}};
    }
    std::string token() { return std::string(auth().make_setup_token().value().reveal()); }
    bool needed() { return find_bool(get("/setup").json(), "needed").value(); }
};

TEST_F(Setup, MakesTheFirstAdministratorOnce)
{
    std::string one = token();
    EXPECT_TRUE(needed());
    auto answer = post("/setup", form(one));
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.json().at("roles"), json::value(json::array{"admin"}));
    EXPECT_FALSE(needed());
    EXPECT_EQ(announced_, 1);
    auto login = log_in("root@example.com");
    ASSERT_EQ(login.status, 200);
    EXPECT_EQ(get("/admin/users", login.text("access_token")).status, 200);

    auto again = form(one);
    again["username"] = "second";
    again["email"] = nullptr;
    EXPECT_EQ(post("/setup", again).code(), "setup_done");
    EXPECT_FALSE(auth().make_setup_token().has_value());
}

TEST_F(Setup, RefusesAWrongOldOrReplacedTokenWithoutHashing)
{
    std::string old = token();
    std::string replaced = old;
    std::string fresh = token();
    EXPECT_EQ(post("/setup", form(replaced)).code(), "invalid_setup_token");
    EXPECT_EQ(post("/setup", form("wrong")).status, 400);
    EXPECT_EQ(post("/setup", form("")).status, 400);
    clock_.advance(std::chrono::hours{24});
    EXPECT_EQ(post("/setup", form(fresh)).status, 400);
    EXPECT_EQ(hashes(), 0);
    EXPECT_TRUE(needed());
}

TEST_F(Setup, NamesTheFieldsThatAreWrongAndKeepsTheToken)
{
    std::string one = token();
    auto wrong = form(one);
    wrong["username"] = "a:b";
    wrong["email"] = "nowhere";
    wrong["password"] = "short";
    auto answer = post("/setup", wrong);
    EXPECT_EQ(answer.status, 422);
    EXPECT_THAT(answer.pointers(), ::testing::ElementsAre("/username", "/email", "/password"));
    EXPECT_EQ(post("/setup", form(one)).status, 201);
}

TEST_F(Setup, TokenEndsWhenAnAdministratorIsMadeElsewhere)
{
    std::string one = token();
    add_user("ada", {"admin"});
    EXPECT_EQ(post("/setup", form(one)).code(), "setup_done");
    EXPECT_FALSE(needed());
}

TEST_F(Setup, TokenSurvivesAnOrdinaryUser)
{
    std::string one = token();
    add_user("ada");
    EXPECT_EQ(post("/setup", form(one)).status, 201);
}

TEST_F(Setup, OfTwoAtTheSameMomentOneWins)
{
    std::string one = token();
    std::vector<std::unique_ptr<http::StringBody>> bodies;
    std::vector<http::Request> requests(2);
    std::vector<std::future<http::Response>> answers;
    for (std::size_t i = 0; i < 2; ++i) {
        auto fields = form(one);
        fields["username"] = "root" + std::to_string(i);
        fields["email"] = nullptr;
        bodies.push_back(std::make_unique<http::StringBody>(json::serialize(fields)));
        requests[i].head.method = "POST";
        requests[i].head.target = "/setup";
        requests[i].head.headers.add("content-type", "application/json");
        requests[i].body = bodies[i].get();
        answers.push_back(send(requests[i]));
    }
    std::vector<int> statuses{answers[0].get().status, answers[1].get().status};
    EXPECT_THAT(statuses, ::testing::UnorderedElementsAre(201, 409));
}

TEST_F(Setup, NameThatIsTakenIsSaid)
{
    add_user("root");
    EXPECT_EQ(post("/setup", form(token())).code(), "user_exists");
}

}  // namespace
}  // namespace gatehouse::auth
