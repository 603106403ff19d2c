// SPDX-License-Identifier: Apache-2.0
// The store of auth_itest, and what only a store that several processes share can show.
#include "auth/auth_fixture.hpp"
#include "sql/mysql_fixture.hpp"
#include "support/run_task.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

namespace gatehouse::auth {

namespace testing {

namespace {

class MysqlStore final : public TestStore {
public:
    std::unique_ptr<sql::Database> open() override { return server_.open(); }

private:
    sql::testing::MysqlDatabase server_;
};

}  // namespace

std::unique_ptr<TestStore> make_test_store() { return std::make_unique<MysqlStore>(); }

}  // namespace testing

namespace {

// Another process of the same installation.
struct Replica {
    Replica(testing::TestStore& store, const Config& config, const Clock& clock)
        : database(store.open()),
          authenticators(1,
                         [this, &config, &clock](std::size_t) {
                             identity::TokenRules rules{.issuer = config.issuer, .audience = config.audience};
                             return std::make_unique<identity::Authenticator>(keys, revocations, rules, clock);
                         }),
          auth(config, Auth::Needs{*database, keys, revocations, authenticators, service_key, secrets, clock, metrics})
    {
    }
    ~Replica()
    {
        auth.stop();
        database->stop();
    }

    std::unique_ptr<sql::Database> database;
    identity::KeySource keys;
    identity::RevocationList revocations;
    PerThread<identity::Authenticator> authenticators;
    identity::ServiceKey service_key{Secret(std::string(32, 's'))};
    SecretBox secrets{Secret(std::string(32, 'e'))};
    Metrics metrics;
    Auth auth;
};

struct Replicas : testing::AuthTest {
    std::unique_ptr<Replica> replica() { return std::make_unique<Replica>(*store_, config_, clock_); }
    std::vector<events::Event> read(Auth& from, std::size_t limit = 100)
    {
        auto outbox = from.outbox();
        return ::gatehouse::testing::run_task(outbox.read(limit));
    }
    static std::set<std::string> ids_of(const std::vector<events::Event>& events)
    {
        std::set<std::string> ids;
        for (const auto& event : events)
            ids.insert(event.id);
        return ids;
    }
};

TEST_F(Replicas, ThatStartAtOnceMakeOneSigningKey)
{
    std::vector<std::unique_ptr<Replica>> replicas;
    for (int i = 0; i < 4; ++i)
        replicas.push_back(replica());
    {
        std::vector<std::jthread> threads;
        for (auto& one : replicas)
            threads.emplace_back([&one] { one->auth.start(); });
    }
    EXPECT_EQ(commands().list_keys().size(), 1u);
    for (auto& one : replicas)
        EXPECT_TRUE(one->auth.ready());
}

TEST_F(Replicas, PublishAKeyThatAnotherOneMadeAsSoonAsTheyAreAsked)
{
    auto other = replica();
    other->auth.start();
    add_user("ada");
    auth();
    auto made = commands().rotate_key({"EdDSA", std::chrono::minutes{10}, std::chrono::seconds{0}});
    ASSERT_TRUE(made.has_value());
    EXPECT_THAT(get("/.well-known/jwks.json").body, ::testing::HasSubstr(made->id));
    other->auth.reload_keys();
    auto token = token_of("ada");
    EXPECT_EQ(call_other(other->auth, "GET", "/validate", {{"authorization", "Bearer " + token}}).status, 200);
}

TEST_F(Replicas, OfManyWhoSetUpAtOnceOneBecomesAdministrator)
{
    auto token = std::string(auth().make_setup_token().value().reveal());
    std::vector<std::unique_ptr<Replica>> replicas;
    for (int i = 0; i < 4; ++i) {
        replicas.push_back(replica());
        replicas.back()->auth.start();
    }
    std::atomic<int> made = 0;
    std::atomic<int> refused = 0;
    auto set_up = [&](Replica& at, int number) {
        json::object form{
            {"token", token}, {"username", "root" + std::to_string(number)}, {"password", testing::good_password}};
        int status = call_other(at.auth, "POST", "/setup", json_fields({}), json::serialize(form)).status;
        ++(status == 201 ? made : refused);
        EXPECT_TRUE(status == 201 || status == 409 || status == 400) << status;
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] { set_up(*replicas[static_cast<std::size_t>(i)], i); });
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(refused, 3);
    EXPECT_EQ(commands().list_users().size(), 1u);
}

TEST_F(Replicas, DoNotAnnounceWhatAnotherOneTook)
{
    auto other = replica();
    other->auth.start();
    auth();
    for (int i = 0; i < 6; ++i)
        add_user("user" + std::to_string(i));
    auto mine = ids_of(read(auth(), 3));
    auto theirs = ids_of(read(other->auth));
    EXPECT_EQ(mine.size(), 3u);
    EXPECT_EQ(theirs.size(), 3u);
    for (const auto& id : mine)
        EXPECT_FALSE(theirs.contains(id));
    EXPECT_EQ(ids_of(read(auth())), mine) << "one's own are given again";

    clock_.advance(std::chrono::seconds{31});
    EXPECT_EQ(ids_of(read(other->auth)).size(), 6u) << "who died gives them up";
}

TEST_F(Replicas, ManyLoginsAtOnceAllSucceed)
{
    config_.throttle.account_failures = 100;
    add_user("ada");
    auth();
    std::atomic<int> accepted = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                for (int k = 0; k < 4; ++k)
                    accepted += log_in("ada").status == 200;
            });
    }
    EXPECT_EQ(accepted, 32);
}

struct DatabaseAway : Replicas {};

TEST_F(DatabaseAway, BeforeTheStartRequestsAreAnswered503AndTheStartMayBeTriedAgain)
{
    auto database = sql::open_mysql("auth", "mysql://u:sesame@127.0.0.1:1/d");
    Auth away(config_, {*database, keys_, revocations_, authenticators_, service_key_, secrets_, clock_, metrics_});
    EXPECT_THROW(away.start(), Unavailable);
    EXPECT_THROW(away.start(), Unavailable);
    EXPECT_FALSE(away.ready());
    for (const char* path : {"/login", "/.well-known/jwks.json", "/setup"}) {
        auto response = call_other(away, std::string_view(path) == "/login" ? "POST" : "GET", path);
        EXPECT_EQ(response.status, 503) << path;
        EXPECT_TRUE(response.headers.contains("retry-after")) << path;
        EXPECT_EQ(response.body.find("sesame"), std::string::npos);
    }
    EXPECT_EQ(hashes(), 0);
    away.stop();
}

}  // namespace
}  // namespace gatehouse::auth
