// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::good_password;

struct CommandLine : testing::AuthTest {
    std::string error_of(Commands::AddUser form)
    {
        auto added = commands().add_user(std::move(form));
        return added ? "" : added.error();
    }
};

TEST_F(CommandLine, AddsListsAndShowsUsers)
{
    std::string id = add_user("ada@example.com");
    add_user("root", {"admin"});
    auto users = commands().list_users();
    ASSERT_EQ(users.size(), 2u);
    EXPECT_EQ(users[0].id, id);
    EXPECT_EQ(users[0].email, "ada@example.com");
    EXPECT_THAT(users[1].roles, ::testing::ElementsAre("admin"));
    EXPECT_EQ(commands().show_user("ADA@example.com").value().id, id);
    EXPECT_EQ(commands().show_user(id).value().id, id);
    EXPECT_EQ(commands().show_user("nobody").error(), "there is no user \"nobody\"");
    EXPECT_THAT(json::serialize(to_json(users[0])), ::testing::Not(::testing::HasSubstr("argon2")));
}

TEST_F(CommandLine, SaysWhatIsWrongWithANewUser)
{
    Secret good{std::string(good_password)};
    add_user("ada");
    EXPECT_THAT(error_of({"ada", std::nullopt, {}, good}), ::testing::HasSubstr("already"));
    EXPECT_THAT(error_of({"a:b", std::nullopt, {}, good}), ::testing::HasSubstr("colon"));
    EXPECT_THAT(error_of({"eve", "nowhere", {}, good}), ::testing::HasSubstr("e-mail"));
    EXPECT_THAT(error_of({"eve", std::nullopt, {"king"}, good}), ::testing::HasSubstr("king"));
    EXPECT_THAT(error_of({"eve", std::nullopt, {}, Secret("short")}), ::testing::HasSubstr("password"));
}

TEST_F(CommandLine, SetsAPasswordAndEndsTheSessions)
{
    add_user("ada");
    auto login = log_in("ada");
    ASSERT_TRUE(commands().set_password("ada", Secret("another password")).has_value());
    EXPECT_EQ(log_in("ada").status, 401);
    EXPECT_EQ(log_in("ada", "another password").status, 200);
    EXPECT_EQ(post("/refresh", {{"refresh_token", login.text("refresh_token")}}).status, 401);
    EXPECT_FALSE(commands().set_password("ada", Secret("short")).has_value());
    EXPECT_FALSE(commands().set_password("nobody", Secret("another password")).has_value());
}

TEST_F(CommandLine, KeepsTheLastEnabledAdministrator)
{
    add_user("root", {"admin"});
    EXPECT_FALSE(commands().set_disabled("root", true).has_value());
    EXPECT_FALSE(commands().remove_user("root").has_value());
    add_user("second", {"admin"});
    EXPECT_TRUE(commands().remove_user("root").has_value());
    EXPECT_FALSE(commands().set_disabled("second", true).has_value());
}

TEST_F(CommandLine, RemovesAUserWithNameAndSessions)
{
    add_user("ada", {"user"}, "ada@example.com");
    log_in("ada");
    ASSERT_TRUE(commands().remove_user("ada@example.com").has_value());
    EXPECT_EQ(log_in("ada").status, 401);
    auto count = [](sql::Connection& connection) {
        return connection
            .query("SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM login_names) + "
                   "(SELECT COUNT(*) FROM user_roles)")[0]
            .integer(0);
    };
    EXPECT_EQ(database_->read_blocking(count), 0);
    add_user("ada", {"user"}, "ada@example.com");
}

TEST_F(CommandLine, WorksOnAStoreThatNoServerHasUsed)
{
    EXPECT_TRUE(commands().list_users().empty());
    EXPECT_TRUE(commands().list_keys().empty());
    auto made = commands().rotate_key({"ES256", std::chrono::seconds{600}, std::chrono::seconds{0}});
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(to_json(*made).at("state"), "active");
    EXPECT_EQ(commands().list_keys().at(0).id, made->id);
}

struct StoredKeys : testing::AuthTest {
    std::string stored()
    {
        auto read = [](sql::Connection& connection) {
            return connection.query("SELECT private_pem FROM signing_keys")[0].text(0);
        };
        return database_->read_blocking(read);
    }
    void store_plainly(const identity::SigningKey& key)
    {
        commands();  // makes the tables
        auto insert = [&, this](sql::Connection& connection) {
            connection.execute(
                "INSERT INTO signing_keys (kid, algorithm, private_pem, created_at, activates_at) "
                "VALUES (?, 'EdDSA', ?, ?, ?)",
                {key.id(), std::string(key.to_pem().reveal()), to_unix_ms(clock_.now()), to_unix_ms(clock_.now())});
        };
        database_->write_blocking(insert);
    }
    SecretBox other_{Secret(std::string(32, 'o'))};
};

TEST_F(StoredKeys, AreEncrypted)
{
    auth();
    EXPECT_TRUE(SecretBox::is_sealed(stored()));
    EXPECT_EQ(stored().find("PRIVATE"), std::string::npos);
}

TEST_F(StoredKeys, OfAnOlderVersionAreEncryptedAtTheStartAndStay)
{
    auto key = identity::SigningKey::generate(identity::Algorithm::eddsa);
    store_plainly(key);
    auth();
    EXPECT_TRUE(SecretBox::is_sealed(stored()));
    ASSERT_EQ(commands().list_keys().size(), 1u);
    EXPECT_EQ(commands().list_keys()[0].id, key.id());
}

TEST_F(StoredKeys, DoNotOpenWithAnotherEncryptionKeyAndNoneIsMadeInstead)
{
    auth();
    std::string before = stored();
    Auth::Needs needs{*database_, keys_, revocations_, authenticators_, service_key_, other_, clock_, metrics_};
    Auth wrong(config_, needs);
    try {
        wrong.start();
        FAIL() << "started";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("auth.encryption_key"));
    }
    wrong.stop();
    Commands commands(*database_, other_, clock_);
    EXPECT_THROW(commands.rotate_key({"EdDSA", std::chrono::seconds{600}, std::chrono::seconds{90}}),
                 std::runtime_error);
    EXPECT_EQ(this->commands().list_keys().size(), 1u);
    EXPECT_EQ(stored(), before);
}

}  // namespace
}  // namespace gatehouse::auth
