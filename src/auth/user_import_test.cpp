// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"
#include "auth/user_import.hpp"

#include <gmock/gmock.h>

namespace gatehouse::auth {
namespace {

using testing::good_password;

constexpr std::string_view bcrypt = "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS";

std::string wrong_key(std::string_view line)
{
    auto parsed = parse_imported_user(line);
    EXPECT_FALSE(parsed.has_value()) << line;
    return parsed ? "(none)" : parsed.error().key;
}

TEST(ImportedLine, SaysWhichMemberIsWrong)
{
    EXPECT_EQ(wrong_key("nonsense"), "");
    EXPECT_EQ(wrong_key("[]"), "");
    EXPECT_EQ(wrong_key("{}"), "username");
    EXPECT_EQ(wrong_key(R"({"username":7})"), "username");
    EXPECT_EQ(wrong_key(R"({"username":"a:b"})"), "username");
    EXPECT_EQ(wrong_key(R"({"username":"ada","email":"nonsense"})"), "email");
    EXPECT_EQ(wrong_key(R"({"username":"ada","roles":"user"})"), "roles");
    EXPECT_EQ(wrong_key(R"({"username":"ada","password_hash":"sesame"})"), "password_hash");
    EXPECT_EQ(wrong_key(R"({"username":"ada","password_plain":""})"), "password_plain");
    EXPECT_EQ(wrong_key(R"({"username":"ada","password_plain":"x","password_hash":"{plain}x"})"), "password_plain");
    EXPECT_EQ(wrong_key(R"({"username":"ada","passwordhash":"x"})"), "passwordhash");
}

struct UserImport : testing::AuthTest {
    ImportResult import(const std::vector<ImportedUser>& users, bool skip_existing = false)
    {
        return commands().import_users(users, skip_existing);
    }
    std::string stored_hash(const std::string& username)
    {
        auto read = [&](sql::Connection& connection) {
            return connection.query("SELECT password_hash FROM users WHERE username = ?", {username}).at(0).text(0);
        };
        return database_->read_blocking(read);
    }
};

TEST_F(UserImport, ImportedUsersLogInAndGetOurOwnHash)
{
    auto done = import({{"ada", "ada@example.com", std::string(bcrypt), {"user"}},
                        {"eve", std::nullopt, "{plain}correct horse battery", {"admin", "user"}},
                        {"joe", "joe@example.com", "", {"user"}}});
    EXPECT_EQ(done.imported, 3u);
    for (const char* name : {"ada", "eve"}) {
        EXPECT_EQ(log_in(name, "a wrong password").status, 401);
        EXPECT_NE(stored_hash(name).substr(0, 10), "$argon2id$");
        EXPECT_EQ(log_in(name).status, 200);
        EXPECT_EQ(stored_hash(name).substr(0, 10), "$argon2id$");
        EXPECT_EQ(log_in(name).status, 200);
    }
    EXPECT_EQ(log_in("ada@example.com").status, 200);
    EXPECT_EQ(log_in("joe", "").status, 401) << "no password is not the empty one";
    EXPECT_EQ(log_in("eve").json().at("user").at("roles"), json::value(json::array{"admin", "user"}));
}

TEST_F(UserImport, OfABatchWithAConflictNothingIsImported)
{
    add_user("ada", {"user"}, "ada@example.com");
    auto done = import({{"fine", std::nullopt, "", {"user"}},
                        {"ADA", std::nullopt, "", {"user"}},
                        {"other", "Ada@example.com", "", {"user"}},
                        {"twice", std::nullopt, "", {"user"}},
                        {"Twice", std::nullopt, "", {"user"}},
                        {"odd", std::nullopt, "", {"nonsense"}}});
    EXPECT_EQ(done.imported, 0u);
    std::vector<std::string> said;
    for (const auto& conflict : done.conflicts)
        said.push_back(std::to_string(conflict.index) + conflict.error.key);
    EXPECT_THAT(said, ::testing::ElementsAre("1username", "2email", "4username", "5roles"));
    EXPECT_EQ(commands().list_users().size(), 1u);
}

TEST_F(UserImport, WhoIsThereCanBeSkipped)
{
    add_user("ada");
    std::vector<ImportedUser> users;
    for (int i = 0; i < 250; ++i)
        users.push_back({"user" + std::to_string(i), "u" + std::to_string(i) + "@example.com", "", {"user"}});
    users.push_back({"ada", std::nullopt, "", {"user"}});
    EXPECT_EQ(import(users, true).imported, 250u);
    EXPECT_EQ(import(users, true).imported, 0u) << "an import that broke off can be run again";
    EXPECT_EQ(commands().list_users().size(), 251u);
    EXPECT_EQ(log_in("ada").status, 200);
}

}  // namespace
}  // namespace gatehouse::auth
