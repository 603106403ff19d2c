// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include "support/run_task.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::good_password;

struct UsersAdmin : testing::AuthTest {
    UsersAdmin()
    {
        admin_id = add_user("root", {"admin"});
        admin = token_of("root");
    }
    testing::Answer patch(std::string_view id, const json::object& body)
    {
        return call("PATCH", "/admin/users/" + std::string(id), json_fields(admin), json::serialize(body));
    }
    testing::Answer create(json::object form)
    {
        form.emplace("password", good_password);
        return post("/admin/users", form, admin);
    }
    std::string admin_id, admin;
};

TEST_F(UsersAdmin, IsForAdministratorsOnly)
{
    std::string id = add_user("ada");
    std::string token = token_of("ada");
    json::object form{{"username", "eve"}, {"password", good_password}};
    for (const auto& answer : {get("/admin/users", token), post("/admin/users", form, token),
                               call("PATCH", "/admin/users/" + id, json_fields(token), R"({"roles":["admin"]})")}) {
        EXPECT_EQ(answer.status, 403);
        EXPECT_EQ(answer.code(), "insufficient_scope");
        EXPECT_THAT(answer.header("www-authenticate"), ::testing::HasSubstr("admin:users"));
    }
    EXPECT_EQ(get("/admin/users").status, 401);
}

TEST_F(UsersAdmin, LosesItsPowerWithTheRoleNotWithTheToken)
{
    add_user("second", {"admin"});
    ASSERT_EQ(patch(admin_id, {{"roles", {"user"}}}).status, 200);
    // The store is asked, or the list of revocations knows already.
    EXPECT_THAT(get("/admin/users", admin).status, ::testing::AnyOf(401, 403));
    EXPECT_EQ(get("/admin/users", token_of("root")).status, 403);
}

TEST_F(UsersAdmin, CreatesAUserWhoCanLogIn)
{
    auto answer = create({{"username", "ada"}, {"email", "ada@example.com"}});
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.header("location"), "/admin/users/" + answer.text("id"));
    EXPECT_EQ(answer.json().at("roles"), json::value(json::array{"user"}));
    EXPECT_EQ(announced_, 1);
    EXPECT_EQ(log_in("ada@example.com").status, 200);
    EXPECT_EQ(get("/admin/users/" + answer.text("id"), admin).json(), answer.json());
    EXPECT_EQ(get("/admin/users/nobody", admin).status, 404);
}

TEST_F(UsersAdmin, PutsTheEventIntoTheOutboxWithTheUser)
{
    auto answer = create({{"username", "ada"}, {"email", "ada@example.com"}});
    ASSERT_EQ(create({{"username", "ADA"}}).status, 409);
    auto outbox = auth().outbox();
    auto events = ::gatehouse::testing::run_task(outbox.read(10));
    ASSERT_EQ(events.size(), 2u) << "one for each user that is there";
    EXPECT_EQ(events[1].type, "user.created");
    EXPECT_EQ(events[1].subject, answer.text("id"));
    EXPECT_EQ(find_string(events[1].data, "email"), "ada@example.com");
    ::gatehouse::testing::run_task(outbox.clear({events[0].id}));
    auto left = ::gatehouse::testing::run_task(outbox.read(10));
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].id, events[1].id);
}

TEST_F(UsersAdmin, RefusesANameOrAddressThatSomebodyHas)
{
    ASSERT_EQ(create({{"username", "ada"}, {"email", "ada@example.com"}}).status, 201);
    EXPECT_EQ(create({{"username", "ADA"}}).code(), "user_exists");
    EXPECT_EQ(create({{"username", "other"}, {"email", "Ada@Example.COM"}}).code(), "user_exists");
    // A user name that is another's address would get that one's logins.
    EXPECT_EQ(create({{"username", "ada@example.com"}}).code(), "user_exists");
    EXPECT_EQ(create({{"username", "other"}}).status, 201) << "what failed left nothing behind";
}

TEST_F(UsersAdmin, NamesTheFieldsThatAreWrong)
{
    struct Case {
        json::object form;
        std::string_view pointer;
    };
    const Case cases[] = {
        {{{"username", ""}}, "/username"},
        {{{"username", "a:b"}}, "/username"},
        {{{"username", " ada"}}, "/username"},
        {{{"username", "a\nb"}}, "/username"},
        {{{"username", "ada\xe2\x80\xae"}}, "/username"},
        {{{"username", std::string(65, 'x').c_str()}}, "/username"},
        {{{"username", 7}}, "/username"},
        {{{"username", "ada"}, {"email", "a@b@c"}}, "/email"},
        {{{"username", "ada"}, {"email", "a b@c"}}, "/email"},
        {{{"username", "ada"}, {"email", "a@b>\r\nRCPT TO:<x@y"}}, "/email"},
        {{{"username", "ada"}, {"password", "short"}}, "/password"},
        {{{"username", "lovelace"}, {"password", "Lovelace"}}, "/password"},
        {{{"username", "ada"}, {"roles", {"superuser"}}}, "/roles"},
        {{{"username", "ada"}, {"roles", "admin"}}, "/roles"},
    };
    for (const Case& one : cases) {
        auto answer = create(one.form);
        EXPECT_EQ(answer.status, 422) << json::serialize(one.form);
        if (answer.status == 422)
            EXPECT_THAT(answer.pointers(), ::testing::ElementsAre(std::string(one.pointer)))
                << json::serialize(one.form);
    }
}

TEST_F(UsersAdmin, TakesNamesOfSixtyFourCharactersInAnyScript)
{
    std::string name;
    for (int i = 0; i < 64; ++i)
        name += "\xf0\x90\x90\x80";  // U+10400, which has a small form
    EXPECT_EQ(create({{"username", name}}).status, 201);
    EXPECT_EQ(log_in(name).status, 200);
}

TEST_F(UsersAdmin, ListsPageByPage)
{
    for (int i = 0; i < 5; ++i)
        add_user("user" + std::to_string(i));
    std::vector<std::string> names;
    std::string target = "/admin/users?limit=2";
    for (int page = 0; page < 3; ++page) {
        auto body = get(target, admin).json();
        EXPECT_EQ(body.at("items").as_array().size(), 2u);
        for (const json::value& item : body.at("items").as_array())
            names.push_back(find_string(item.as_object(), "username").value());
        if (page < 2)
            target = "/admin/users?limit=2&cursor=" + find_string(body, "next").value();
        else
            EXPECT_TRUE(body.at("next").is_null());
    }
    EXPECT_THAT(names, ::testing::ElementsAre("root", "user0", "user1", "user2", "user3", "user4"));
    EXPECT_EQ(get("/admin/users?limit=0", admin).status, 422);
    EXPECT_EQ(get("/admin/users?limit=1000", admin).status, 422);
    EXPECT_EQ(get("/admin/users?cursor=x'", admin).status, 422);
}

TEST_F(UsersAdmin, DisablesAndEnables)
{
    std::string id = add_user("ada");
    auto login = log_in("ada");
    auto answer = patch(id, {{"disabled", true}});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(find_bool(answer.json(), "disabled"), true);
    EXPECT_EQ(log_in("ada").status, 401);
    EXPECT_EQ(post("/refresh", {{"refresh_token", login.text("refresh_token")}}).status, 401);
    EXPECT_EQ(patch(id, {{"disabled", false}}).status, 200);
    EXPECT_EQ(log_in("ada").status, 200);
}

TEST_F(UsersAdmin, GivesRolesThatTheNextTokenHas)
{
    std::string id = add_user("ada");
    auto login = log_in("ada");
    ASSERT_EQ(patch(id, {{"roles", {"user", "admin", "user"}}}).status, 200);
    auto renewed = post("/refresh", {{"refresh_token", login.text("refresh_token")}});
    EXPECT_EQ(renewed.json().at("user").at("roles"), json::value({"admin", "user"}));
    EXPECT_EQ(get("/admin/users", renewed.text("access_token")).status, 200);
}

TEST_F(UsersAdmin, KeepsTheLastEnabledAdministrator)
{
    std::string second = add_user("second", {"admin"});
    ASSERT_EQ(patch(second, {{"disabled", true}}).status, 200);
    for (const json::object& change :
         {json::object{{"disabled", true}}, json::object{{"roles", {"user"}}}, json::object{{"roles", json::array{}}},
          json::object{{"disabled", true}, {"roles", {"admin"}}}}) {
        auto answer = patch(admin_id, change);
        EXPECT_EQ(answer.status, 409);
        EXPECT_EQ(answer.code(), "last_admin");
    }
    EXPECT_EQ(get("/admin/users", admin).status, 200);
    ASSERT_EQ(patch(second, {{"disabled", false}}).status, 200);
    EXPECT_EQ(patch(admin_id, {{"disabled", true}}).status, 200);
}

TEST_F(UsersAdmin, RefusesChangesItDoesNotKnow)
{
    std::string id = add_user("ada");
    EXPECT_EQ(patch(id, {{"disabled", "yes"}}).status, 422);
    EXPECT_EQ(patch(id, {{"password_hash", "x"}}).status, 422);
    EXPECT_EQ(patch(id, {{"roles", {"superuser"}}}).status, 422);
    EXPECT_EQ(patch("nobody", {{"disabled", true}}).status, 404);
    EXPECT_EQ(patch(id, {}).status, 200);
}

}  // namespace
}  // namespace gatehouse::auth
