// SPDX-License-Identifier: Apache-2.0
// Registration, verification, reset, invitation and the profile's changes: what travels by mail is read from the
// outbox.
#include "auth/auth_fixture.hpp"
#include "identity/one_time_token.hpp"
#include "support/run_task.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::Answer;
using testing::good_password;

constexpr std::string_view other_password = "a wholly different one";

Config open_to_all()
{
    Config config;
    config.registration = true;
    return config;
}

struct Accounts : testing::AuthTest {
    explicit Accounts(Config config = open_to_all()) : AuthTest(std::move(config)) {}

    // What was announced since the last time.
    std::vector<events::Event> announced()
    {
        auto outbox = auth().outbox();
        auto events = ::gatehouse::testing::run_task(outbox.read(100));
        std::vector<std::string> ids;
        for (const auto& event : events)
            ids.push_back(event.id);
        ::gatehouse::testing::run_task(outbox.clear(ids));
        std::erase_if(events, [](const auto& event) { return event.type == "user.created"; });
        return events;
    }
    events::Event the_event(std::string_view type)
    {
        auto events = announced();
        EXPECT_EQ(events.size(), 1u);
        EXPECT_TRUE(!events.empty() && events.front().type == type) << (events.empty() ? "" : events.front().type);
        return events.empty() ? events::Event{} : events.front();
    }
    // What the link in the mail carries.
    std::string token_in(const events::Event& event)
    {
        auto ticket = find_string(event.data, "ticket");
        EXPECT_TRUE(ticket.has_value());
        return std::string(identity::one_time_token(service_key_, ticket.value_or("")).reveal());
    }
    Answer register_as(std::string_view username, std::string_view email)
    {
        return post("/register", {{"username", username}, {"email", email}, {"password", good_password}});
    }
    Answer forgot(std::string_view email) { return post("/forgot-password", {{"email", email}}); }
    Answer reset(std::string_view token, std::string_view password = other_password)
    {
        return post("/reset-password", {{"token", token}, {"password", password}});
    }
    Answer verify(std::string_view token) { return post("/verify-email", {{"token", token}}); }
    Answer patch_profile(const json::object& form, std::string_view token)
    {
        return call("PATCH", "/profile", json_fields(token), json::serialize(form));
    }
};

TEST_F(Accounts, RegistrationMakesAUserWhenTheLinkIsFollowed)
{
    EXPECT_EQ(register_as("ada", "ada@example.com").status, 202);
    EXPECT_EQ(log_in("ada").status, 401) << "nobody is a user before";
    auto event = the_event("user.email_verification_requested");
    EXPECT_EQ(find_string(event.data, "email"), "ada@example.com");
    std::string token = token_in(event);
    EXPECT_THAT(json::serialize(event.data), ::testing::Not(::testing::HasSubstr(token)));
    auto answer = verify(token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.text("username"), "ada");
    auto session = log_in("ada@example.com");
    EXPECT_EQ(session.status, 200);
    EXPECT_EQ(get("/profile", session.text("access_token")).json().at("email_verified"), true);
    EXPECT_EQ(verify(token).code(), "invalid_link") << "a link is good once";
}

TEST_F(Accounts, RegistrationTellsNobodyWhoHasAnAccount)
{
    add_user("ada", {"user"}, "ada@example.com");
    announced();
    auto fresh = register_as("eve", "eve@example.com");
    ASSERT_EQ(announced().size(), 1u);
    auto same_address = register_as("eve", "ADA@example.com");
    EXPECT_EQ(find_string(the_event("user.registration_refused").data, "reason"), "account_exists");
    auto same_name = register_as("Ada", "grace@example.com");
    EXPECT_EQ(find_string(the_event("user.registration_refused").data, "reason"), "username_taken");
    for (const Answer& answer : {same_address, same_name}) {
        EXPECT_EQ(answer.status, fresh.status);
        EXPECT_EQ(answer.body, fresh.body);
    }
    EXPECT_EQ(hashes(), 3);
    auto foreign = register_as("ada@example.com", "grace@example.com");
    EXPECT_EQ(foreign.status, 422);
    EXPECT_THAT(foreign.pointers(), ::testing::ElementsAre("/username"));
}

TEST_F(Accounts, WhoWasFasterKeepsTheName)
{
    register_as("ada", "first@example.com");
    register_as("ada", "second@example.com");
    auto events = announced();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(verify(token_in(events[1])).status, 200);
    auto late = verify(token_in(events[0]));
    EXPECT_EQ(late.status, 409);
    EXPECT_EQ(late.code(), "user_exists");
}

TEST_F(Accounts, RegistrationNeedsAnAddressAndAGoodPassword)
{
    auto answer = post("/register", {{"username", "ada"}, {"password", "password"}});
    EXPECT_EQ(answer.status, 422);
    EXPECT_THAT(answer.pointers(), ::testing::ElementsAre("/password"));
    EXPECT_THAT(post("/register", {{"username", "ada"}, {"password", good_password}}).pointers(),
                ::testing::ElementsAre("/email"));
    EXPECT_TRUE(announced().empty());
}

TEST_F(Accounts, ALinkIsTooOldAfterItsTime)
{
    register_as("ada", "ada@example.com");
    std::string token = token_in(the_event("user.email_verification_requested"));
    clock_.advance(std::chrono::hours{25});
    EXPECT_EQ(verify(token).code(), "invalid_link");
    add_user("eve@example.com");
    announced();
    forgot("eve@example.com");
    std::string reset_token = token_in(the_event("user.password_reset_requested"));
    clock_.advance(std::chrono::minutes{61});
    EXPECT_EQ(reset(reset_token).code(), "invalid_link");
}

struct ClosedRegistration : Accounts {
    ClosedRegistration() : Accounts({}) {}
};

TEST_F(ClosedRegistration, IsTheDefault)
{
    auto answer = register_as("ada", "ada@example.com");
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.code(), "registration_closed");
    EXPECT_EQ(hashes(), 0);
}

TEST_F(Accounts, ResetSetsThePasswordAndEndsEverySession)
{
    add_user("ada", {"user"}, "ada@example.com");
    auto session = log_in("ada");
    announced();
    EXPECT_EQ(forgot("Ada@Example.com").status, 202);
    std::string token = token_in(the_event("user.password_reset_requested"));
    EXPECT_EQ(reset(token, "short").status, 422);
    auto answer = reset(token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.text("username"), "ada");
    EXPECT_EQ(the_event("user.password_changed").data.at("email").as_string(), "ada@example.com");
    EXPECT_EQ(get("/profile", session.text("access_token")).status, 401);
    EXPECT_EQ(post("/refresh", {{"refresh_token", session.text("refresh_token")}}).status, 401);
    EXPECT_EQ(log_in("ada").status, 401);
    EXPECT_EQ(log_in("ada", other_password).status, 200);
    EXPECT_EQ(reset(token).code(), "invalid_link") << "a link is good once";
}

TEST_F(Accounts, ResetTellsNobodyWhoHasAnAccount)
{
    add_user("ada", {"user"}, "ada@example.com");
    add_user("off", {"user"}, "off@example.com");
    ASSERT_TRUE(commands().set_disabled("off", true).has_value());
    announced();
    auto timed = [this](std::string_view email) {
        auto began = std::chrono::steady_clock::now();
        auto answer = forgot(email);
        return std::pair(answer, std::chrono::steady_clock::now() - began);
    };
    auto [known, known_time] = timed("ada@example.com");
    ASSERT_EQ(announced().size(), 1u);
    for (const char* email : {"nobody@example.com", "off@example.com"}) {
        auto [answer, time] = timed(email);
        EXPECT_EQ(answer.status, known.status);
        EXPECT_EQ(answer.body, known.body);
        EXPECT_GE(time, std::chrono::milliseconds{300});
        EXPECT_TRUE(announced().empty());
    }
    EXPECT_GE(known_time, std::chrono::milliseconds{300});
    EXPECT_EQ(forgot("no address").status, 422);
}

TEST_F(Accounts, ANewerLinkReplacesTheOneBefore)
{
    add_user("ada@example.com");
    announced();
    forgot("ada@example.com");
    std::string first = token_in(the_event("user.password_reset_requested"));
    forgot("ada@example.com");
    std::string second = token_in(the_event("user.password_reset_requested"));
    EXPECT_EQ(reset(first).status, 400);
    EXPECT_EQ(reset(second).status, 200);
}

TEST_F(Accounts, AnAddressGetsAFewMailsInAnHour)
{
    add_user("ada@example.com");
    announced();
    for (int i = 0; i < 8; ++i)
        EXPECT_EQ(forgot("ada@example.com").status, 202);
    EXPECT_EQ(announced().size(), 5u);
    clock_.advance(std::chrono::minutes{61});
    forgot("ada@example.com");
    EXPECT_EQ(announced().size(), 1u);
}

TEST_F(Accounts, AChangedPasswordMakesTheMailedLinkUseless)
{
    add_user("ada@example.com");
    auto session = token_of("ada@example.com");
    announced();
    forgot("ada@example.com");
    std::string token = token_in(the_event("user.password_reset_requested"));
    json::object form{{"current_password", good_password}, {"new_password", other_password}};
    ASSERT_EQ(post("/profile/password", form, session).status, 204);
    the_event("user.password_changed");
    EXPECT_EQ(reset(token, "yet another password").code(), "invalid_link");
}

TEST_F(Accounts, ALinkServesItsOwnPurposeOnly)
{
    add_user("ada@example.com");
    announced();
    forgot("ada@example.com");
    std::string reset_token = token_in(the_event("user.password_reset_requested"));
    EXPECT_EQ(verify(reset_token).code(), "invalid_link");
    EXPECT_EQ(reset(reset_token).status, 200) << "and is not used up by the wrong one";
    announced();
    register_as("eve", "eve@example.com");
    EXPECT_EQ(reset(token_in(the_event("user.email_verification_requested"))).code(), "invalid_link");
}

TEST_F(Accounts, ADisabledUserCannotUseALink)
{
    add_user("ada@example.com");
    announced();
    forgot("ada@example.com");
    std::string token = token_in(the_event("user.password_reset_requested"));
    ASSERT_TRUE(commands().set_disabled("ada@example.com", true).has_value());
    EXPECT_EQ(reset(token).code(), "invalid_link");
}

TEST_F(Accounts, AnInvitedUserSetsTheirOwnPassword)
{
    add_user("root", {"admin"});
    std::string admin = token_of("root");
    announced();
    auto made = post("/admin/users", {{"username", "ada"}, {"email", "ada@example.com"}}, admin);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(log_in("ada", "").status, 401) << "no password is not the empty one";
    std::string token = token_in(the_event("user.invited"));
    clock_.advance(std::chrono::hours{6 * 24});
    EXPECT_EQ(reset(token).status, 200);
    EXPECT_EQ(log_in("ada", other_password).status, 200);
    EXPECT_THAT(post("/admin/users", {{"username", "eve"}}, token_of("root")).pointers(),
                ::testing::ElementsAre("/email"));
}

TEST_F(Accounts, ANewAddressCountsWhenItsLinkIsFollowed)
{
    add_user("ada", {"user"}, "old@example.com");
    std::string session = token_of("ada");
    announced();
    auto answer = patch_profile({{"email", "new@example.com"}, {"current_password", good_password}}, session);
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(answer.text("email"), "old@example.com");
    auto event = the_event("user.email_verification_requested");
    EXPECT_EQ(find_string(event.data, "email"), "new@example.com");
    EXPECT_EQ(log_in("new@example.com").status, 401);
    EXPECT_EQ(verify(token_in(event)).status, 200);
    EXPECT_EQ(find_string(the_event("user.email_changed").data, "email"), "old@example.com") << "who is told";
    EXPECT_EQ(get("/profile", session).text("email"), "new@example.com");
    EXPECT_EQ(log_in("new@example.com").status, 200);
    EXPECT_EQ(log_in("old@example.com").status, 401);
    EXPECT_EQ(log_in("ada").status, 200);
}

TEST_F(Accounts, AnAddressThatIsTakenIsNotToldOf)
{
    add_user("ada", {"user"}, "ada@example.com");
    add_user("eve", {"user"}, "eve@example.com");
    std::string session = token_of("eve");
    announced();
    auto answer = patch_profile({{"email", "ada@example.com"}, {"current_password", good_password}}, session);
    EXPECT_EQ(answer.status, 202);
    the_event("user.registration_refused");
}

TEST_F(Accounts, ProfileChangesNeedTheCurrentPasswordAndKnownFields)
{
    add_user("ada", {"user"}, "ada@example.com");
    add_user("eve");
    std::string session = token_of("ada");
    auto with = [&](json::object form, std::string_view password = good_password) {
        form["current_password"] = password;
        return patch_profile(form, session);
    };
    EXPECT_THAT(with({{"username", "lovelace"}}, "not it at all").pointers(),
                ::testing::ElementsAre("/current_password"));
    EXPECT_THAT(patch_profile({{"username", "lovelace"}}, session).pointers(),
                ::testing::ElementsAre("/current_password"));
    EXPECT_THAT(with({{"roles", json::array{"admin"}}}).pointers(), ::testing::ElementsAre("/roles"));
    EXPECT_THAT(with({{"username", "eve@example.com"}}).pointers(), ::testing::ElementsAre("/username"));
    EXPECT_THAT(with({{"email", "nonsense"}}).pointers(), ::testing::ElementsAre("/email"));
    EXPECT_EQ(with({{"username", "EVE"}}).code(), "user_exists");
    EXPECT_EQ(with({{"username", "lovelace"}}).text("username"), "lovelace");
    EXPECT_EQ(log_in("lovelace").status, 200);
    EXPECT_EQ(log_in("ada").status, 401);
    EXPECT_EQ(log_in("ada@example.com").status, 200);
    EXPECT_EQ(with({{"username", "Lovelace"}}).status, 200) << "one's own name, written otherwise";
}

}  // namespace
}  // namespace gatehouse::auth
