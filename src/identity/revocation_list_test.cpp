// SPDX-License-Identifier: Apache-2.0
#include "identity/revocation_list.hpp"

#include "identity/revocation_follower.hpp"
#include "identity/token_fixture.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gatehouse::identity {
namespace {

using namespace std::chrono_literals;
using Kind = Revocation::Kind;
using testing::good_claims;

struct RevocationListTest : ::testing::Test {
    void apply(std::vector<Revocation> revocations, bool complete = true, std::string log = "log")
    {
        std::int64_t number = revocations.empty() ? list.position().number : revocations.back().number;
        list.apply({std::move(log), number}, revocations, complete, std::chrono::steady_clock::now());
    }
    RevocationList list;
    Claims claims = good_claims();
};

TEST_F(RevocationListTest, KnowsNothingBeforeEverythingWasThere)
{
    EXPECT_FALSE(list.ready());
    apply({{1, Kind::session, "other", 60s}}, false);
    EXPECT_FALSE(list.ready()) << "there is more to come";
    apply({{2, Kind::session, "another", 60s}});
    EXPECT_TRUE(list.ready());
    EXPECT_LT(list.age(), 10s);
    EXPECT_EQ(list.position().number, 2);
    EXPECT_EQ(list.size(), 2U);
}

TEST_F(RevocationListTest, ASessionLosesAllItsTokens)
{
    apply({{7, Kind::session, claims.session_id, 60s}});
    EXPECT_TRUE(list.is_revoked(claims));
    claims.revocation = 8;
    EXPECT_TRUE(list.is_revoked(claims)) << "whenever they were made";
    claims.session_id = "another";
    EXPECT_FALSE(list.is_revoked(claims));
}

TEST_F(RevocationListTest, AUserLosesTheTokensThatKnewLess)
{
    claims.revocation = 6;
    apply({{7, Kind::user, claims.subject, 60s}});
    EXPECT_TRUE(list.is_revoked(claims));
    claims.revocation = 7;
    EXPECT_FALSE(list.is_revoked(claims)) << "made from what the store said after it";
    apply({{9, Kind::user, claims.subject, 60s}});
    EXPECT_TRUE(list.is_revoked(claims));
}

TEST_F(RevocationListTest, ARoleTakesTheTokensOfAllWhoHaveIt)
{
    claims.roles = {"clerk", "user"};
    apply({{3, Kind::role, "clerk", 60s}});
    EXPECT_TRUE(list.is_revoked(claims));
    claims.roles = {"user"};
    EXPECT_FALSE(list.is_revoked(claims));
}

TEST_F(RevocationListTest, ForgetsWhatNoTokenCanBeConcernedByButNotWhatWasRevokedAgain)
{
    apply({{1, Kind::session, "short", 0s}, {2, Kind::user, claims.subject, 0s}, {3, Kind::user, claims.subject, 60s}});
    EXPECT_TRUE(list.is_revoked(claims));
    EXPECT_EQ(list.size(), 1U);
    claims.session_id = "short";
    claims.revocation = 3;
    EXPECT_FALSE(list.is_revoked(claims));
}

TEST_F(RevocationListTest, ItsGenerationChangesOnlyWithWhatItHolds)
{
    apply({});
    auto before = list.generation();
    apply({});
    EXPECT_EQ(list.generation(), before);
    apply({{1, Kind::session, "any", 60s}});
    EXPECT_NE(list.generation(), before);
}

TEST_F(RevocationListTest, AnotherLogBeginsAnew)
{
    apply({{5, Kind::session, claims.session_id, 60s}});
    apply({{1, Kind::session, "any", 60s}}, true, "restored");
    EXPECT_FALSE(list.is_revoked(claims));
    EXPECT_EQ(list.position().number, 1);
    EXPECT_EQ(list.position().log, "restored");
}

TEST_F(RevocationListTest, PassesOnWhatCameAfterANumber)
{
    apply({{1, Kind::session, "a", 60s}, {2, Kind::user, "b", 60s}, {4, Kind::role, "c", 60s}});
    auto news = list.after({"log", 1}, 10);
    ASSERT_EQ(news.entries.size(), 2U);
    EXPECT_EQ(news.entries[0].subject, "b");
    EXPECT_EQ(news.read_to.number, 4);
    EXPECT_TRUE(news.complete);
    EXPECT_TRUE(list.after({"log", 4}, 10).entries.empty());
    EXPECT_EQ(list.after({"another", 4}, 10).entries.size(), 3U) << "from the beginning";

    auto part = list.after({"log", 0}, 2);
    EXPECT_FALSE(part.complete);
    EXPECT_EQ(part.read_to.number, 2) << "where to go on";
    EXPECT_EQ(part.entries.size(), 2U);
}

TEST_F(RevocationListTest, MayBeReadWhileItGrows)
{
    claims.session_id = "s500";
    std::jthread writer([&] {
        for (std::int64_t number = 1; number <= 1000; ++number)
            apply({{number, Kind::session, "s" + std::to_string(number), 60s}});
    });
    std::uint64_t seen = 0;
    while (!list.is_revoked(claims)) {
        EXPECT_GE(list.generation(), seen);
        seen = list.generation();
        EXPECT_GE(list.position().number, 0);
    }
    writer.join();
    EXPECT_EQ(list.size(), 1000U);
}

TEST(RevocationNews, ComesBackAsItWasSent)
{
    RevocationNews news{{"log", 12}, {{11, Kind::session, "s", 5s}, {12, Kind::role, "clerk", 60s}}, false, 40ms};
    auto parsed = parse_revocation_news(json::serialize(to_json(news)));
    ASSERT_TRUE(parsed.has_value()) << parsed.error();
    EXPECT_EQ(parsed->read_to.log, "log");
    EXPECT_EQ(parsed->read_to.number, 12);
    EXPECT_FALSE(parsed->complete);
    EXPECT_EQ(parsed->age, 40ms);
    ASSERT_EQ(parsed->entries.size(), 2U);
    EXPECT_EQ(parsed->entries[1].kind, Kind::role);
    EXPECT_EQ(parsed->entries[1].subject, "clerk");
    EXPECT_EQ(parsed->entries[1].keep, 60s);
}

TEST(RevocationNews, ThatCannotBeRightIsRefused)
{
    for (const char* text :
         {"", "[]", "{}", R"({"log":"l","number":1,"complete":true,"age_ms":-1,"revocations":[]})",
          R"({"log":"l","number":"1","complete":true,"age_ms":0,"revocations":[]})",
          R"({"log":"l","number":1,"complete":true,"age_ms":0,"revocations":[[1,"session","s"]]})",
          R"({"log":"l","number":1,"complete":true,"age_ms":0,"revocations":[[1,"planet","s",60]]})",
          R"({"log":"l","number":1,"complete":true,"age_ms":0,"revocations":[[1,"session","s",-1]]})"})
        EXPECT_FALSE(parse_revocation_news(text).has_value()) << text;
}

}  // namespace
}  // namespace gatehouse::identity
