// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"
#include "auth/roles.hpp"

#include <gmock/gmock.h>

#include <latch>
#include <thread>

namespace gatehouse::auth {
namespace {

using testing::Answer;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using testing::good_password;
using ::testing::HasSubstr;

struct RolesAdmin : testing::AuthTest {
    RolesAdmin()
    {
        admin_id = add_user("root", {"admin"});
        admin = token_of("root");
    }
    Answer send(std::string_view method, std::string_view target, std::string_view token,
                const json::object& body = json::object{})
    {
        return call(method, target, json_fields(token), json::serialize(body));
    }
    Answer add_role(std::string_view name, std::vector<std::string_view> permissions, std::string_view token)
    {
        return post("/admin/roles", {{"name", name}, {"permissions", list_of(permissions)}}, token);
    }
    Answer put_role(std::string_view name, std::vector<std::string_view> permissions, std::string_view token)
    {
        return send("PUT", "/admin/roles/" + std::string(name), token, {{"permissions", list_of(permissions)}});
    }
    Answer give(std::string_view id, std::vector<std::string_view> roles, std::string_view token)
    {
        return send("PATCH", "/admin/users/" + std::string(id), token, {{"roles", list_of(roles)}});
    }
    static json::array list_of(const std::vector<std::string_view>& texts)
    {
        return json::array(texts.begin(), texts.end());
    }
    // A user with a role of that name that stands for these permissions; gives the id.
    std::string add_user_with(std::string_view name, std::vector<std::string_view> permissions)
    {
        EXPECT_EQ(add_role(name, std::move(permissions), admin).status, 201);
        return add_user(name, {std::string(name)});
    }
    static std::vector<std::string> texts(const json::object& object, std::string_view member)
    {
        std::vector<std::string> texts;
        for (const json::value& item : object.at(member).as_array())
            texts.emplace_back(item.as_string());
        return texts;
    }
    std::string admin_id, admin;
};

TEST_F(RolesAdmin, MakesARoleWhoseUsersMayWhatItSays)
{
    auto made = add_role("editor", {"articles:write", "articles:read", "articles:read"}, admin);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.header("location"), "/admin/roles/editor");
    EXPECT_THAT(texts(made.json(), "permissions"), ElementsAre("articles:read", "articles:write"));
    EXPECT_EQ(get("/admin/roles/editor", admin).json(), made.json());

    std::string id = add_user("ada");
    ASSERT_EQ(give(id, {"user", "editor"}, admin).status, 200);
    auto user = log_in("ada").json().at("user").as_object();
    EXPECT_THAT(texts(user, "roles"), ElementsAre("editor", "user"));
    EXPECT_THAT(texts(user, "permissions"),
                ElementsAre("articles:read", "articles:write", "files:read", "files:write"));
}

TEST_F(RolesAdmin, ListsTheBuiltInRolesFirst)
{
    add_role("zebra", {}, admin);
    add_role("ape", {"trees:climb"}, admin);
    auto list = get("/admin/roles", admin).json();
    std::vector<std::string> names;
    for (const json::value& item : list.at("items").as_array())
        names.push_back(find_string(item.as_object(), "name").value());
    EXPECT_THAT(names, ElementsAre("admin", "user", "ape", "zebra"));
    EXPECT_TRUE(list.at("next").is_null());
}

TEST_F(RolesAdmin, ChangesARoleForEverybodyWhoHasIt)
{
    std::string id = add_user_with("auditor", {"admin:users"});
    std::string token = token_of("auditor");
    ASSERT_EQ(get("/admin/users", token).status, 200);
    ASSERT_EQ(put_role("auditor", {"admin:audit"}, admin).status, 200);
    // By the store at once, or by the list of revocations, if that was read meanwhile.
    EXPECT_THAT(get("/admin/users", token).status, AnyOf(403, 401)) << "not a token later";
    auto user = log_in("auditor").json().at("user").as_object();
    EXPECT_THAT(texts(user, "permissions"), ElementsAre("admin:audit"));
}

TEST_F(RolesAdmin, RemovesARoleThatNobodyHas)
{
    std::string id = add_user_with("editor", {"articles:write"});
    auto refused = send("DELETE", "/admin/roles/editor", admin);
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.code(), "role_in_use");
    ASSERT_EQ(give(id, {"user"}, admin).status, 200);
    EXPECT_EQ(send("DELETE", "/admin/roles/editor", admin).status, 204);
    EXPECT_EQ(get("/admin/roles/editor", admin).code(), "role_not_found");
    EXPECT_EQ(send("DELETE", "/admin/roles/editor", admin).status, 404);
    EXPECT_EQ(give(id, {"editor"}, admin).status, 422);
}

TEST_F(RolesAdmin, LeavesTheBuiltInRolesAsTheyAre)
{
    EXPECT_EQ(put_role("admin", {}, admin).code(), "role_built_in");
    EXPECT_EQ(send("DELETE", "/admin/roles/user", admin).code(), "role_built_in");
    EXPECT_EQ(add_role("admin", {}, admin).code(), "role_exists");
    EXPECT_EQ(get("/admin/roles/admin", admin).json().at("built_in"), json::value(true));
}

TEST_F(RolesAdmin, RefusesNamesAndPermissionsThatCannotBe)
{
    for (std::string_view name : {"", "Editor", "1st", "ed itor", "ed:itor", "\xc3\xa9"}) {
        auto answer = add_role(name, {}, admin);
        EXPECT_EQ(answer.status, 422) << name;
        EXPECT_THAT(answer.pointers(), ElementsAre("/name")) << name;
    }
    for (std::string_view permission : {"", "*", ":*", "a:", ":a", "a::b", "a*", "a:*:b", "A:b", "a b", "a,b"}) {
        auto answer = add_role("editor", {"articles:read", permission}, admin);
        EXPECT_EQ(answer.status, 422) << permission;
        EXPECT_THAT(answer.pointers(), ElementsAre("/permissions/1")) << permission;
    }
    EXPECT_EQ(send("POST", "/admin/roles", admin, {{"name", "editor"}}).status, 422);
    EXPECT_EQ(
        send("POST", "/admin/roles", admin, {{"name", "editor"}, {"permissions", json::array{}}, {"x", 1}}).status,
        422);
    EXPECT_EQ(add_role(std::string(64, 'x'), {std::string(62, 'y') + ":*"}, admin).status, 201);
    EXPECT_EQ(add_role(std::string(65, 'x'), {}, admin).status, 422);
    EXPECT_EQ(add_role("x", {std::string(65, 'y')}, admin).status, 422);
}

TEST_F(RolesAdmin, BoundsWhatATokenHasToCarry)
{
    std::vector<std::string> many;
    for (std::size_t i = 0; i <= permissions_of_role_max; ++i)
        many.push_back("orders:" + std::to_string(i));
    std::vector<std::string_view> permissions(many.begin(), many.end());
    EXPECT_EQ(add_role("big", permissions, admin).status, 422);
    permissions.pop_back();
    EXPECT_EQ(add_role("big", permissions, admin).status, 201);

    std::vector<std::string_view> roles;
    std::vector<std::string> names;
    for (std::size_t i = 0; i <= roles_of_user_max; ++i)
        names.push_back("role-with-a-name-that-is-long-enough-to-fill-any-list-number-" + std::to_string(10 + i));
    for (const std::string& name : names) {
        ASSERT_EQ(add_role(name, {}, admin).status, 201);
        roles.push_back(name);
    }
    std::string id = add_user("ada");
    EXPECT_EQ(give(id, roles, admin).status, 422);
    roles.pop_back();
    auto given = give(id, roles, admin);
    ASSERT_EQ(given.status, 200) << given.body;
    EXPECT_EQ(texts(given.json(), "roles").size(), roles_of_user_max) << "none was cut off";
}

TEST_F(RolesAdmin, WhoManagesUsersCannotMakeThemselvesMore)
{
    std::string id = add_user_with("clerk", {"admin:users"});
    std::string other = add_user("ada");
    std::string clerk = token_of("clerk");
    EXPECT_EQ(give(id, {"admin"}, clerk).code(), "beyond_own_permissions");
    EXPECT_EQ(give(other, {"admin"}, clerk).code(), "beyond_own_permissions");
    auto made = post("/admin/users", {{"username", "eve"}, {"password", good_password}, {"roles", {"admin"}}}, clerk);
    EXPECT_EQ(made.status, 403);
    EXPECT_EQ(log_in("eve").status, 401);
    EXPECT_EQ(send("PATCH", "/admin/users/" + admin_id, clerk, {{"disabled", true}}).status, 403);
    EXPECT_EQ(give(admin_id, {"user"}, clerk).status, 403);
    EXPECT_EQ(send("DELETE", "/admin/users/" + admin_id, clerk).status, 403);
    EXPECT_EQ(log_in("root").status, 200);

    // Their work they can do.
    EXPECT_EQ(post("/admin/users", {{"username", "joe"}, {"password", good_password}}, clerk).status, 201);
    EXPECT_EQ(give(other, {"user", "clerk"}, clerk).status, 200);
    EXPECT_EQ(send("DELETE", "/admin/users/" + other, clerk).status, 204);
}

TEST_F(RolesAdmin, WhoManagesRolesCannotMakeThemselvesMore)
{
    add_user_with("role-clerk", {"admin:roles", "articles:*"});
    add_role("operator", {"admin:sessions"}, admin);
    std::string clerk = token_of("role-clerk");
    EXPECT_EQ(add_role("mine", {"admin:users"}, clerk).code(), "beyond_own_permissions");
    EXPECT_EQ(add_role("mine", {"admin:*"}, clerk).code(), "beyond_own_permissions");
    EXPECT_EQ(put_role("role-clerk", {"admin:roles", "admin:users"}, clerk).code(), "beyond_own_permissions");
    EXPECT_EQ(put_role("operator", {}, clerk).code(), "beyond_own_permissions");
    EXPECT_EQ(send("DELETE", "/admin/roles/operator", clerk).code(), "beyond_own_permissions");
    EXPECT_EQ(add_role("reader", {"articles:read"}, clerk).status, 201);
    EXPECT_EQ(get("/admin/users", clerk).status, 403);
}

TEST_F(RolesAdmin, NeedsThePermissionForRoles)
{
    add_user_with("clerk", {"admin:users"});
    std::string clerk = token_of("clerk");
    for (const auto& answer : {get("/admin/roles", clerk), get("/admin/roles/admin", clerk), add_role("x", {}, clerk),
                               put_role("clerk", {}, clerk), send("DELETE", "/admin/roles/clerk", clerk)}) {
        EXPECT_EQ(answer.status, 403);
        EXPECT_THAT(answer.header("www-authenticate"), HasSubstr("admin:roles"));
    }
}

TEST_F(RolesAdmin, ForgetsAUserWhoWasRemoved)
{
    std::string id = add_user("ada");
    auto login = log_in("ada");
    ASSERT_EQ(send("DELETE", "/admin/users/" + id, admin).status, 204);
    EXPECT_EQ(send("DELETE", "/admin/users/" + id, admin).code(), "user_not_found");
    EXPECT_EQ(get("/admin/users/" + id, admin).status, 404);
    EXPECT_EQ(get("/profile", login.text("access_token")).status, 401);
    EXPECT_EQ(post("/refresh", {{"refresh_token", login.text("refresh_token")}}).status, 401);
    EXPECT_EQ(log_in("ada").status, 401);
    EXPECT_EQ(post("/admin/users", {{"username", "ada"}, {"password", good_password}}, admin).status, 201);
    EXPECT_EQ(send("DELETE", "/admin/users/" + admin_id, admin).code(), "last_admin");
}

// Two administrators, each with a process of their own, demote each other at the same moment, again and again.
TEST_F(RolesAdmin, OfTwoAdministratorsWhoDemoteEachOtherOneStays)
{
    auto other_database = store_->open();
    Commands here(*database_, secrets_, clock_);
    Commands there(*other_database, secrets_, clock_);
    add_user("second", {"admin"});
    for (int round = 0; round < 20; ++round) {
        std::latch ready(2);
        auto demote = [&](Commands& by, std::string_view name) {
            ready.arrive_and_wait();
            return by.set_roles(name, {"user"}).has_value();
        };
        bool first = false;
        std::thread other([&] { first = demote(there, "root"); });
        bool second = demote(here, "second");
        other.join();
        EXPECT_NE(first, second) << "round " << round;
        ASSERT_TRUE(here.set_roles("root", {"admin"}).has_value());
        ASSERT_TRUE(here.set_roles("second", {"admin"}).has_value());
    }
    other_database->stop();
}

// One gives a role while another removes it: nobody is left with a role that does not exist.
TEST_F(RolesAdmin, ARoleIsGivenOrRemovedNotBoth)
{
    auto other_database = store_->open();
    Commands here(*database_, secrets_, clock_);
    Commands there(*other_database, secrets_, clock_);
    add_user("ada");
    for (int round = 0; round < 20; ++round) {
        ASSERT_TRUE(here.add_role({"editor", {}, {}}).has_value());
        std::latch ready(2);
        bool given = false;
        std::thread other([&] {
            ready.arrive_and_wait();
            given = there.set_roles("ada", {"editor"}).has_value();
        });
        ready.arrive_and_wait();
        bool removed = here.remove_role("editor").has_value();
        other.join();
        EXPECT_NE(given, removed) << "round " << round;
        ASSERT_TRUE(here.set_roles("ada", {"user"}).has_value());
        (void)here.remove_role("editor");
    }
    other_database->stop();
}

TEST_F(RolesAdmin, TheCommandLineManagesRolesToo)
{
    add_user("ada");
    EXPECT_FALSE(commands().set_roles("ada", {"editor"}).has_value());
    ASSERT_TRUE(commands().add_role({"editor", "Writes articles", {"articles:write"}}).has_value());
    EXPECT_FALSE(commands().add_role({"editor", {}, {}}).has_value());
    EXPECT_FALSE(commands().add_role({"Editor", {}, {}}).has_value());
    EXPECT_FALSE(commands().add_role({"other", {}, {"no permission"}}).has_value());
    ASSERT_TRUE(commands().set_roles("ada", {"user", "editor"}).has_value());
    auto changed = commands().set_role({"editor", {}, {"articles:read"}});
    ASSERT_TRUE(changed.has_value());
    EXPECT_EQ(changed->description, "Writes articles") << "as it was";
    EXPECT_EQ(commands().remove_role("editor").error(), "somebody has the role \"editor\": take it from them first");
    EXPECT_FALSE(commands().set_roles("root", {"user"}).has_value()) << "the last administrator";
    EXPECT_EQ(commands().list_roles().size(), 3u);
    ASSERT_TRUE(commands().set_roles("ada", {"user"}).has_value());
    EXPECT_TRUE(commands().remove_role("editor").has_value());
}

// The records and revocations that belong to the changes are in the store with them.
TEST_F(RolesAdmin, WritesDownWhoChangedWhatAndRevokesIt)
{
    auto types = [&] {
        auto read = [](sql::Connection& connection) {
            std::vector<std::string> types;
            for (const sql::Row& row : connection.query("SELECT type, target FROM audit ORDER BY number"))
                types.push_back(row.text(0) + " " + row.text(1));
            return types;
        };
        return database_->read_blocking(read);
    };
    auto revoked = [&] {
        auto read = [](sql::Connection& connection) {
            std::vector<std::string> subjects;
            for (const sql::Row& row : connection.query("SELECT kind, subject FROM revocations ORDER BY number"))
                subjects.push_back(row.text(0) + " " + row.text(1));
            return subjects;
        };
        return database_->read_blocking(read);
    };
    std::string id = add_user("ada");
    add_role("editor", {}, admin);
    auto before = types().size();
    give(id, {"editor"}, admin);
    give(id, {"editor"}, admin);  // nothing changes
    put_role("editor", {"articles:read"}, admin);
    send("PATCH", "/admin/users/" + id, admin, {{"disabled", true}});
    send("PATCH", "/admin/users/" + id, admin, {{"disabled", false}});
    send("DELETE", "/admin/users/" + id, admin);
    send("DELETE", "/admin/roles/editor", admin);
    auto all = types();
    std::vector<std::string> added(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
    EXPECT_THAT(added, ElementsAre("user.roles_changed " + id, "role.changed editor", "user.disabled " + id,
                                   "user.enabled " + id, "user.removed " + id, "role.removed editor"));
    EXPECT_THAT(revoked(), ElementsAre("user " + id, "role editor", "user " + id, "user " + id));
}

}  // namespace
}  // namespace gatehouse::auth
